// One run of `holdfast verify`: response after response is read from the disk, at a bounded pace, and compared with the
// checksums of its pieces and with the digest that is named for it. A damaged piece is dropped and the rest stays; what
// has another digest goes as a whole, since nobody knows which of its bytes is wrong.

import Configuration
import Digests
import Glibc
import HTTPSemantics
import Resume
import Store
import Transport

/// Blocks while the disk does: never on a loop.
struct Verification {
    let store: Store
    let digests: DigestDesk
    let configuration: Configuration
    /// nil where no proxy runs: then nothing can be fetched.
    let table: FillTable?
    let wish: VerifyWish
    /// false where nobody listens any more.
    let send: (ControlAnswer) -> Bool

    private let startedAt = Clock.monotonicNanoseconds()
    private var examined: Int64 = 0
    private var total: Int64 = 0
    private var toldAt: Int64 = 0
    private var isStopped = false
    private var summary = VerifySummary()

    /// Between two words about the progress, nanoseconds.
    private static let tellingPause: Int64 = 250_000_000

    init(
        store: Store,
        digests: DigestDesk,
        configuration: Configuration,
        table: FillTable?,
        wish: VerifyWish,
        send: @escaping (ControlAnswer) -> Bool
    ) {
        self.store = store
        self.digests = digests
        self.configuration = configuration
        self.table = table
        self.wish = wish
        self.send = send
    }

    mutating func run() {
        store.settle()
        if wish.urls.isEmpty {
            total = store.summary.bytes
            verifyRows(of: nil)
        } else {
            for url in wish.urls where !isStopped { verify(url) }
        }
        guard !isStopped else { return }
        summary.seconds = seconds
        _ = send(.verification(summary))
    }

    private var seconds: Double { Double(Clock.monotonicNanoseconds() - startedAt) / 1e9 }

    private mutating func verify(_ url: String) {
        guard case .success(let uri) = ControlDesk.parse(url) else {
            return tell(VerifiedItem(url: url, version: 0, remark: "It is no URL."))
        }
        let key = configuration.rules.key(of: uri)
        total += store.findBlocking(key).reduce(0) { $0 + $1.body.held.byteCount }
        var sidecar: ExpectedDigest?
        if wish.usesSidecar {
            do throws(CommandRefusal) {
                guard let table else {
                    throw CommandRefusal(
                        "No proxy runs that could fetch a file of digests: start one (holdfast serve)."
                    )
                }
                sidecar = try SidecarSearch(table: table, uri: uri).find()
            } catch {
                return tell(VerifiedItem(url: url, version: 0, remark: error.sentence))
            }
        }
        let before = summary.responses
        verifyRows(of: key, sidecar)
        if summary.responses == before, !isStopped {
            tell(VerifiedItem(url: url, version: 0, remark: "Nothing is held of it."))
        }
    }

    private mutating func verifyRows(of key: CacheKey?, _ sidecar: ExpectedDigest? = nil) {
        var last: Int64 = 0
        while !isStopped {
            let rows = store.rowsToExamine(after: last, key: key)
            guard let end = rows.last?.id else { return }
            for row in rows where !isStopped { verify(row, sidecar) }
            last = end
        }
    }

    private mutating func verify(_ row: ExaminedRow, _ sidecar: ExpectedDigest?) {
        var item = VerifiedItem(url: row.uri, version: row.id)
        guard case .success(let uri) = AbsoluteURI.parse(row.uri) else {
            item.remark = "Its row in the index is damaged; nobody is given it."
            return tell(item)
        }
        let response = store.findBlocking(CacheKey(uri)).first { $0.id == row.id }
        if !row.isSound { mendRow(&item, row, response) }
        guard let response else {
            // It went meanwhile, or it was the look-up that deleted it.
            if !row.isSound { tell(item) }
            return
        }
        if examinePieces(&item, response, sidecar ?? DigestDesk.expected(of: response)), !isStopped { tell(item) }
    }

    /// The row that describes it is not what was written: it is written anew where memory has it, else it is gone.
    private func mendRow(_ item: inout VerifiedItem, _ row: ExaminedRow, _ response: StoredResponse?) {
        if let response, store.rewriteRow(of: response) {
            item.remark = "Its row in the index was damaged, and was written anew from memory."
            return
        }
        if let response { store.remove(response) }
        item.damaged = row.size > 0 ? [0..<row.size] : []
        item.remark = "Its row in the index was damaged: it was deleted, and is fetched again when it is asked for."
    }

    /// false where the person who asked has gone.
    private mutating func examinePieces(
        _ item: inout VerifiedItem,
        _ response: StoredResponse,
        _ expected: ExpectedDigest?
    ) -> Bool {
        var damaged = ByteRangeSet()
        var running: RunningDigest?
        if let expected {
            item.note(expected)
            item.digest = .incomplete
            if response.body.isComplete { running = RunningDigest(expected.value.algorithm) }
        }
        var offset: Int64? = 0
        while let start = offset {
            let examination = response.body.examine(from: start)
            item.examined += examination.examined
            examined += examination.examined
            damaged.formUnion(examination.damaged)
            if let failure = examination.failure { item.remark = failure + "." }
            offset = examination.next
            if !examination.damaged.isEmpty || examination.failure != nil { running = nil }
            // Straight after the check: what was read is in memory still.
            if running != nil { advance(&running, response, to: offset ?? response.body.completeLength ?? 0) }
            guard keepPace(item.url) else { return false }
        }
        item.damaged += damaged.ranges
        if let running, let expected { judge(&item, response, expected, running) }
        if !damaged.isEmpty, item.digest != .differs, wish.refetches {
            item.isRefetched = refetch(response, damaged)
        }
        return true
    }

    private func advance(_ running: inout RunningDigest?, _ response: StoredResponse, to end: Int64) {
        guard var digest = running, end > digest.count else { return }
        do throws(StoreError) {
            try StoredContent.read(response, from: digest.count, to: end) { bytes in
                digest.update(bytes)
                return true
            }
            running = digest
        } catch {
            running = nil
        }
    }

    private func judge(
        _ item: inout VerifiedItem,
        _ response: StoredResponse,
        _ expected: ExpectedDigest,
        _ running: RunningDigest
    ) {
        guard running.count == response.body.completeLength,
            let found = DigestValue(expected.value.algorithm, running.bytes)
        else { return }
        item.found = found.description
        item.digest = found == expected.value ? .matches : .differs
        digests.found(found, expected, of: response)
    }

    /// Whether it is, or will be at the next start.
    private func refetch(_ response: StoredResponse, _ damaged: ByteRangeSet) -> Bool {
        guard let table else { return store.noteForNextStart(response, damaged, configuration) }
        return table.refetch(response, damaged)
    }

    // MARK: Pace and progress

    /// Waits as long as the pace wants it; false where nobody listens any more.
    private mutating func keepPace(_ url: String) -> Bool {
        repeat {
            let now = Clock.monotonicNanoseconds()
            if now - toldAt >= Self.tellingPause {
                toldAt = now
                let progress = VerifyProgress(
                    url: url,
                    examined: examined,
                    total: max(total, examined),
                    seconds: seconds
                )
                guard send(.verifying(progress)) else {
                    isStopped = true
                    return false
                }
            }
            guard let pace = wish.bytesPerSecond, pace > 0 else { return true }
            let due = Double(examined) / Double(pace)
            let early = due - seconds
            guard early > 0 else { return true }
            usleep(UInt32(min(early, 0.25) * 1_000_000))
        } while !isStopped
        return false
    }

    private mutating func tell(_ item: VerifiedItem) {
        summary.count(item)
        if !send(.verified(item)) { isStopped = true }
    }
}

extension ControlDesk {
    func verify(_ wish: VerifyWish, _ send: (ControlAnswer) -> Bool) {
        let digests =
            running?.table.digests
            ?? DigestDesk(store: store, isOn: true, now: { Clock.unixSeconds() }, log: { _ in })
        withoutActuallyEscaping(send) { send in
            var verification = Verification(
                store: store,
                digests: digests,
                configuration: configuration,
                table: running?.table,
                wish: wish,
                send: send
            )
            verification.run()
        }
    }
}
