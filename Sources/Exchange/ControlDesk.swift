// Answers what the command line asks: from the store alone where no proxy runs, and from the store and the table of
// fills where one does. It reads and purges; it decides nothing about requests.

package import Configuration
import Glibc
import HTTPSemantics
import Resume
package import Store
import Synchronization
import Transport

/// What a running proxy has beyond its store.
package struct RunningProxy: Sendable {
    let table: FillTable
    let traffic: TrafficCounters
    let queue: DownloadQueue
    let listening: [String]
    /// Monotonic nanoseconds.
    let startedAt: Int64

    package init(
        table: FillTable,
        queue: DownloadQueue,
        traffic: TrafficCounters,
        listening: [String],
        startedAt: Int64
    ) {
        self.table = table
        self.queue = queue
        self.traffic = traffic
        self.listening = listening
        self.startedAt = startedAt
    }
}

/// Answers commands. It blocks while the disk does: never to be used on an event loop.
package struct ControlDesk: Sendable {
    let store: Store
    let configuration: Configuration
    let running: RunningProxy?
    let queue: DownloadQueue

    /// - Parameter running: nil where the command opened the store itself.
    package init(store: Store, configuration: Configuration, running: RunningProxy?) {
        queue = running?.queue ?? DownloadQueue(store: store, rules: configuration.rules, table: nil)
        self.store = store
        self.configuration = configuration
        self.running = running
    }

    /// Hands the answer to `send`, all but its `end`; stops where `send` returns false.
    package func answer(_ request: ControlRequest, _ send: (ControlAnswer) -> Bool) {
        switch request {
        case .status: _ = send(.status(status()))
        case .list(let pattern, let limit): list(pattern.map { URLPattern($0) }, limit: limit, send)
        case .show(let url): _ = send(show(url))
        case .purge(let urls): _ = send(.purged(purge(urls)))
        case .purgeAll: _ = send(.purged(purgeAll()))
        case .fetch(let items): fetch(items, send)
        case .downloads(let ids): downloads(ids, send)
        case .order(let orders): carryOut(orders, send)
        case .content(let id): content(id, send)
        case .examine(let url): examine(url, send)
        case .recall(let url): recall(url, send)
        case .adopt(let path, let url): adopt(path, as: url, send)
        case .verify(let wish): verify(wish, send)
        }
    }

    // MARK: status

    private func status() -> StatusAnswer {
        let summary = store.summary
        let now = Clock.unixSeconds()
        let reports = running?.table.reports() ?? []
        let worked = Set(reports.map(\.id))
        let waiting = store.unfinished().filter { !worked.contains($0.response.id) }.map { download($0, now: now) }
        var answer = StatusAnswer(
            process: running.map { running in
                StatusProcess(
                    id: getpid(),
                    listening: running.listening,
                    uptimeSeconds: (Clock.monotonicNanoseconds() - running.startedAt) / 1_000_000_000,
                    traffic: running.traffic.traffic
                )
            },
            directory: configuration.cache.directory,
            responses: summary.entries,
            bytes: summary.bytes,
            maxBytes: configuration.cache.maxSize,
            unfinished: summary.unfinished,
            damagedPieces: summary.damagedPieces,
            now: now,
            fills: reports.sorted { $0.id < $1.id }.map { StatusFill($0) },
            waiting: waiting,
            waits: running?.table.waits.reports.map { StatusWait($0) } ?? []
        )
        answer.rates = rates(waiting)
        return answer
    }

    private func download(_ unfinished: UnfinishedDownload, now: Int64) -> StatusDownload {
        let quiet = now - max(unfinished.since, unfinished.response.lastUse)
        let state: StatusDownload.State =
            quiet > configuration.resume.giveUpAfterSeconds
            ? .givenUp
            : unfinished.state == .parked
                ? .parked : waitsForItsHours(unfinished) ? .outsideHours : .interrupted
        return StatusDownload(
            url: unfinished.uri,
            version: unfinished.response.id,
            held: HeldPart(unfinished.response.body.held, completeLength: unfinished.response.body.completeLength),
            wanted: unfinished.wanted.ranges,
            state: state,
            since: unfinished.since,
            reason: parkReason(unfinished)
        )
    }

    // MARK: ls

    /// One entry at a time from the index's order of last use; nothing is collected.
    private func list(_ pattern: URLPattern?, limit: Int?, _ send: (ControlAnswer) -> Bool) {
        var left = limit ?? .max
        guard left > 0 else { return }
        let judge = FreshnessJudge(configuration)
        let now = Clock.unixSeconds()
        store.list(limit: pattern == nil ? left : .max) { listed in
            guard pattern?.matches(listed.uri) ?? true else { return true }
            let item = ListedItem(
                url: listed.uri,
                version: listed.id,
                held: HeldPart(listed.held, completeLength: listed.completeLength),
                freshness: judge.note(
                    uri: listed.uri,
                    requestFields: listed.requestFields,
                    head: listed.head,
                    requestTime: listed.requestTime,
                    responseTime: listed.responseTime,
                    isInvalidated: listed.isInvalidated,
                    body: FreshnessJudge.BodyState(
                        held: listed.held,
                        completeLength: listed.completeLength,
                        isResumable: StrongValidator.of(listed.head.fields, receivedAt: listed.responseTime) != nil
                    ),
                    now: now
                ),
                lastUse: listed.lastUse,
                hits: listed.hits,
                digest: VerifiedDigest(listed.digest)
            )
            left -= 1
            return send(.item(item)) && left > 0
        }
    }

    // MARK: show

    private func show(_ url: String) -> ControlAnswer {
        let uri: AbsoluteURI
        switch Self.parse(url) {
        case .success(let parsed): uri = parsed
        case .failure(let error): return .failed(sentence: "\(AccessLogLine.escaped(url)) is no URL: \(error.sentence)")
        }
        let key = configuration.rules.key(of: uri)
        let now = Clock.unixSeconds()
        let judge = FreshnessJudge(configuration)
        let reports = running?.table.reports() ?? []
        let unfinished = store.unfinished().filter { $0.key == key }
        let found = find(key)
        let versions = found.map { response in
            let metadata = response.metadata
            let resumability = Resumability.of(response)
            return ShownVersion(
                version: response.id,
                held: HeldPart(response.body.held, completeLength: response.body.completeLength),
                requestFields: Self.lines(response.requestFields),
                status: metadata.head.status,
                fields: Self.lines(metadata.head.fields),
                requestTime: metadata.requestTime,
                responseTime: metadata.responseTime,
                originAddress: response.originAddress,
                validator: response.validator?.ifRangeValue,
                isResumable: resumability.isResumable,
                resumability: resumability.sentence,
                freshness: judge.note(
                    uri: uri.description,
                    requestFields: response.requestFields,
                    head: metadata.head,
                    requestTime: metadata.requestTime,
                    responseTime: metadata.responseTime,
                    isInvalidated: metadata.isInvalidated,
                    body: FreshnessJudge.BodyState(
                        held: response.body.held,
                        completeLength: response.body.completeLength,
                        isResumable: response.isResumable
                    ),
                    now: now
                ),
                lastUse: response.lastUse,
                hits: response.hits,
                unfinished: unfinished.first { $0.response.id == response.id }.map { download($0, now: now) },
                fill: reports.first { $0.id == response.id }.map { StatusFill($0) },
                digest: VerifiedDigest(response.digest),
                expectedDigest: DigestDesk.expected(of: response).map { VerifiedDigest($0) }
            )
        }
        let contentType = found.first?.metadata.head.fields.combined(.contentType)
        let rule = configuration.rules.match(uri, contentType: contentType).map {
            ShownRule(origin: $0.origin, sentences: $0.explanation)
        }
        return .shown(
            ShownAnswer(
                url: uri.description,
                key: key.uri == uri.description ? nil : key.uri,
                now: now,
                rule: rule,
                versions: versions,
                digestFailure: running?.table.digests.failure(of: key)
            )
        )
    }

    /// Waits for the store; there is a thread for it.
    private func find(_ key: CacheKey) -> [StoredResponse] {
        if let found = store.findInMemory(key) { return found }
        let condition = LogCondition()
        let result = Found()
        store.find(key) { found in
            condition.lock()
            result.responses.withLock { $0 = found }
            condition.broadcast()
            condition.unlock()
        }
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let found = result.responses.withLock({ $0 }) { return found }
            condition.wait(until: nil)
        }
    }

    private final class Found: Sendable {
        let responses = Mutex<[StoredResponse]?>(nil)
    }

    private static func lines(_ fields: FieldSection) -> [FieldLine] {
        var lines: [FieldLine] = []
        fields.forEach { lines.append(FieldLine(name: $0.name, value: $0.value)) }
        return lines
    }

    // MARK: purge

    private func purge(_ urls: [String]) -> PurgeAnswer {
        let items = urls.map { url in
            switch Self.parse(url) {
            case .success(let uri):
                let key = configuration.rules.key(of: uri)
                // First the fills: what is removed must not be written again.
                running?.table.stopFills(of: key)
                return PurgeAnswer.Item(url: key.uri, removed: store.purge(key))
            case .failure(let error):
                return PurgeAnswer.Item(url: url, removed: 0, problem: error.sentence)
            }
        }
        return PurgeAnswer(items: items, removed: items.reduce(0) { $0 + $1.removed })
    }

    private func purgeAll() -> PurgeAnswer {
        running?.table.stopAllFills()
        return PurgeAnswer(items: [], removed: store.purgeAll())
    }

    /// A URL as a person writes it: a fragment is no part of what was requested.
    static func parse(_ url: String) -> Result<AbsoluteURI, TargetError> {
        AbsoluteURI.parse(String(url.prefix { $0 != "#" }))
    }
}
