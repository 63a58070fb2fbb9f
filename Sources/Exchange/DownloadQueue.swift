// Downloads that a person asked for without a client (`holdfast fetch`): in order, so many at once, again after failures,
// over days and restarts. It holds the list and says what is begun next; how one attempt goes is DownloadRun's
// business, and what is remembered of the list is the store's.

package import Configuration
import HTTPSemantics
import NIOCore
import Resume
package import Store
import Synchronization
import Transport

/// The queue of downloads. May be used from any thread.
package final class DownloadQueue: Sendable {
    let store: Store
    let state: Mutex<State>
    /// nil where no proxy runs: then downloads are queued for the next start.
    private let table: FillTable?
    private let rules: CacheRules

    struct State {
        var entries: [Entry] = []
        var lastID: Int64 = 0
        var isStarted = false
        var isStopped = false
        /// When the next attempt is due, and the timer for it.
        var timer: (due: Int64, scheduled: Scheduled<Void>)?
    }

    struct Entry {
        var download: QueuedDownload
        var run: DownloadRun?
        var retry: RetryPolicy?
        /// Monotonic nanoseconds.
        var retryAt: Int64 = 0
        /// Unix seconds, for people.
        var retryTime: Int64?
        /// All of it is held, and its digest is being found.
        var isVerifying = false
        /// Bytes that were held when the last attempt ended.
        var heldBefore: Int64 = 0
    }

    /// So many downloads may wait; beyond it none is taken.
    private static let most = 10_000
    /// So many run at once from one origin: as a browser has connections, and not more.
    private static let perOriginAtMost = 4
    /// So many that are over are remembered.
    private static let overAtMost = 500
    /// Given up when nothing came for so long: days of an origin that is away.
    private static let patienceNanoseconds: Int64 = 7 * 86_400 * 1_000_000_000
    private static let firstDelayNanoseconds: Int64 = 1_000_000_000
    private static let maxDelayNanoseconds: Int64 = 600 * 1_000_000_000

    /// Reads the index. Blocking; never on a loop.
    package init(store: Store, rules: CacheRules, table: FillTable?) {
        self.store = store
        self.rules = rules
        self.table = table
        var state = State()
        for var download in store.queuedDownloads() {
            // What ran or waited when the process ended is begun anew, in its place.
            if download.state == .running || download.state == .waiting {
                download.state = .queued
                download.reason = ""
            }
            state.lastID = max(state.lastID, download.id)
            state.entries.append(Entry(download: download))
        }
        self.state = Mutex(state)
    }

    var reports: [FillReport] { table?.reports() ?? [] }

    func key(of uri: AbsoluteURI) -> CacheKey { rules.key(of: uri) }

    /// Begins to work on what is queued.
    package func start() {
        state.withLock { $0.isStarted = true }
        proceed()
    }

    /// Begins nothing more. What runs is left to the end of the process, and begun anew at the next start.
    package func stop() {
        let timer = state.withLock { state in
            state.isStopped = true
            defer { state.timer = nil }
            return state.timer
        }
        timer?.scheduled.cancel()
    }

    // MARK: Beginning

    /// Begins what may be begun, in order.
    func proceed() {
        guard let table else { return }
        let now = Clock.monotonicNanoseconds()
        let begun = state.withLock { state -> [DownloadRun] in
            guard state.isStarted, !state.isStopped else { return [] }
            var places = table.configuration.resume.maxFinishing - state.entries.count { $0.run != nil }
            var begun: [DownloadRun] = []
            var busy: [String: Int] = [:]
            for origin in state.entries.compactMap(\.run?.origin) { busy[origin, default: 0] += 1 }
            for index in state.entries.indices where places > 0 {
                let entry = state.entries[index]
                let isDue =
                    entry.download.state == .queued || entry.download.state == .waiting && entry.retryAt <= now
                guard entry.run == nil, isDue else { continue }
                guard case .success(let uri) = AbsoluteURI.parse(entry.download.url) else { continue }
                let id = entry.download.id
                guard busy[uri.hostField, default: 0] < Self.perOriginAtMost else { continue }
                busy[uri.hostField, default: 0] += 1
                let run = DownloadRun(uri: uri, table: table, loop: table.group.next()) { [weak self] run, end in
                    self?.ended(id, run, end)
                }
                state.entries[index].run = run
                if state.entries[index].retry == nil { state.entries[index].retry = Self.retryPolicy(now) }
                change(&state, index, to: .running, "")
                begun.append(run)
                places -= 1
            }
            schedule(&state, now: now, on: table)
            return begun
        }
        for run in begun { run.loop.execute { run.look() } }
    }

    private static func retryPolicy(_ now: Int64) -> RetryPolicy {
        RetryPolicy(
            healTimeoutNanoseconds: patienceNanoseconds,
            firstDelayNanoseconds: firstDelayNanoseconds,
            maxDelayNanoseconds: maxDelayNanoseconds,
            startedAt: now
        )
    }

    /// One timer, for the attempt that is due first.
    private func schedule(_ state: inout State, now: Int64, on table: FillTable) {
        let due = state.entries.filter { $0.download.state == .waiting && $0.run == nil }.map(\.retryAt).min()
        if let timer = state.timer {
            if timer.due == due { return }
            timer.scheduled.cancel()
            state.timer = nil
        }
        guard let due else { return }
        let scheduled = table.group.next().scheduleTask(in: .nanoseconds(max(0, due - now))) { [weak self] in
            self?.state.withLock { $0.timer = nil }
            self?.proceed()
        }
        state.timer = (due, scheduled)
    }

    // MARK: Ends

    private func ended(_ id: Int64, _ run: DownloadRun, _ end: DownloadRun.End) {
        guard case .complete(let response, _) = end else {
            conclude(id, run, end, held: heldBytes(run))
            return
        }
        guard let watch = table?.digests.watch(of: response) else { return complete(id, run, end, response) }
        // It ends once it is known that it has the digest that the origin, or its URL, names.
        watch.whenKnown { [self] verdict in
            if case .differs(let found) = verdict {
                let sentence = DigestDesk.sentence(watch.expected, found)
                conclude(id, run, .later("It was dropped: \(sentence)", retryAfter: nil), held: nil)
            } else {
                complete(id, run, end, response)
            }
        }
        watch.advance()
    }

    /// All of it is held; a person may have named a digest.
    private func complete(_ id: Int64, _ run: DownloadRun, _ end: DownloadRun.End, _ response: StoredResponse) {
        let wanted = state.withLock { state -> String in
            guard let index = state.index(of: id), state.entries[index].run === run else { return "" }
            state.entries[index].isVerifying = !state.entries[index].download.sha256.isEmpty
            return state.entries[index].download.sha256
        }
        guard !wanted.isEmpty else { return conclude(id, run, end, held: nil) }
        // The disk is read for it.
        StoredContent.digest(of: response) { [self] found in
            switch found {
            case .success(let digest) where digest == wanted:
                conclude(id, run, end, held: nil)
            case .success(let digest):
                // What is known to be something else is not given to anybody as the whole.
                store.remove(response)
                conclude(id, run, .failed(DigestMismatch.sentence(wanted: wanted, found: digest)), held: nil)
            case .failure(let error):
                conclude(id, run, .later(error.sentence, retryAfter: nil), held: nil)
            }
        }
    }

    private func heldBytes(_ run: DownloadRun) -> Int64? {
        (store.findInMemory(run.key) ?? []).first?.body.held.byteCount
    }

    private func conclude(_ id: Int64, _ run: DownloadRun, _ end: DownloadRun.End, held: Int64?) {
        let now = Clock.monotonicNanoseconds()
        let line = state.withLock { state -> String? in
            // A person may have paused or cancelled it meanwhile.
            guard let index = state.index(of: id), state.entries[index].run === run else { return nil }
            state.entries[index].run = nil
            state.entries[index].isVerifying = false
            state.entries[index].download.target = run.target
            switch end {
            case .complete(let response, let isProven):
                state.entries[index].download.version = response.id
                let note = isProven ? "" : "Its end is the end of the connection: nothing proves that it is whole."
                change(&state, index, to: .done, note)
            case .failed(let reason):
                change(&state, index, to: .failed, reason)
            case .later(let reason, let retryAfter):
                wait(&state, index, reason, retryAfter: retryAfter, held: held, now: now)
            }
            let download = state.entries[index].download
            forgetOld(&state)
            return "download \(id), \(download.url): \(download.state.word). \(download.reason)"
        }
        if let line { table?.log(line) }
        proceed()
    }

    private func wait(
        _ state: inout State,
        _ index: Int,
        _ reason: String,
        retryAfter: Int64?,
        held: Int64?,
        now: Int64
    ) {
        var retry = state.entries[index].retry ?? Self.retryPolicy(now)
        if let held {
            retry.gained(max(0, held - state.entries[index].heldBefore), at: now)
            state.entries[index].heldBefore = held
        }
        let decision = retry.failed(
            at: now,
            retryAfterNanoseconds: retryAfter.map { min($0, 86_400) * 1_000_000_000 },
            random: Double.random(in: 0..<1)
        )
        state.entries[index].retry = retry
        switch decision {
        case .at(let instant):
            state.entries[index].retryAt = instant
            state.entries[index].retryTime = Clock.unixSeconds() + max(0, instant - now) / 1_000_000_000
            change(&state, index, to: .waiting, reason)
        case .giveUp:
            change(&state, index, to: .failed, "Given up after 7 days without a gain. \(reason)")
        }
    }

    // MARK: Changes

    /// Under the lock, so that the store learns of changes in their order.
    func change(_ state: inout State, _ index: Int, to next: QueuedDownload.State, _ reason: String) {
        state.entries[index].download.state = next
        state.entries[index].download.reason = reason
        state.entries[index].download.changed = Clock.unixSeconds()
        if next != .waiting { state.entries[index].retryTime = nil }
        store.put(state.entries[index].download)
    }

    private func forgetOld(_ state: inout State) {
        let over = state.entries.filter { $0.download.state.isOver }
            .sorted { $0.download.changed < $1.download.changed }
        for entry in over.dropLast(Self.overAtMost) { forget(&state, entry.download.id) }
    }

    func forget(_ state: inout State, _ id: Int64) {
        state.entries.removeAll { $0.download.id == id }
        store.removeQueued(id)
    }

    /// A new entry at the end, or the one that is under way for the same URL; nil where the queue is full.
    func add(_ uri: AbsoluteURI, sha256: String) -> Int64? {
        state.withLock { state in
            let url = uri.description
            if let index = state.entries.firstIndex(where: { $0.download.url == url && !$0.download.state.isOver }) {
                if !sha256.isEmpty {
                    state.entries[index].download.sha256 = sha256
                    store.put(state.entries[index].download)
                }
                return state.entries[index].download.id
            }
            guard state.entries.count(where: { !$0.download.state.isOver }) < Self.most else { return nil }
            for entry in state.entries where entry.download.url == url { forget(&state, entry.download.id) }
            state.lastID += 1
            let download = QueuedDownload(
                id: state.lastID,
                url: url,
                position: (state.entries.map(\.download.position).max() ?? 0) + 1,
                added: Clock.unixSeconds(),
                sha256: sha256
            )
            state.entries.append(Entry(download: download))
            store.put(download)
            return download.id
        }
    }
}

extension DownloadQueue.State {
    func index(of id: Int64) -> Int? { entries.firstIndex { $0.download.id == id } }
    func entry(_ id: Int64) -> DownloadQueue.Entry? { index(of: id).map { entries[$0] } }
}

extension QueuedDownload.State {
    /// As people and programs read it.
    package var word: String {
        switch self {
        case .queued: "queued"
        case .running: "running"
        case .waiting: "waiting"
        case .paused: "paused"
        case .done: "done"
        case .failed: "failed"
        case .cancelled: "cancelled"
        }
    }
}

/// What a download with another digest is told.
enum DigestMismatch {
    static let start = "Its SHA-256 is"

    static func sentence(wanted: String, found: String) -> String {
        "\(start) \(found), not \(wanted); it was removed from the cache."
    }
}
