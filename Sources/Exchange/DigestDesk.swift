// Which stored bodies are compared with a digest that was named for them, and what becomes of one that has another. The
// choice of the digest is HTTPSemantics' (ExpectedDigest), the bound on fetching anew Resume's (DigestFailures).

import HTTPSemantics
import Resume
import Store
import Synchronization

/// The digests of all that is stored. May be used from any thread.
final class DigestDesk: Sendable {
    private let store: Store
    /// `resume.verify_digests`
    private let isOn: Bool
    private let now: @Sendable () -> Int64
    private let log: @Sendable (String) -> Void
    private let threads = DigestThreads()
    private let state = Mutex(State())
    private let onCondemned = Mutex<(@Sendable (CacheKey) -> Void)?>(nil)
    /// Without the lock: most of the time there is none.
    private let watchCount = Atomic<Int>(0)

    private struct State {
        var watches: [Int64: DigestWatch] = [:]
        /// By response: those under a digest that its head named before. Nothing follows from them for the store, but clients
        /// that were sent that head wait for them.
        var formerWatches: [Int64: [DigestWatch]] = [:]
        var failures: [CacheKey: DigestFailures] = [:]
        /// By response: its parts whose digest the origin has named.
        var parts: [Int64: [DigestWatch]] = [:]
        /// By response: how many parts had another digest.
        var partFailures: [Int64: Int] = [:]
        /// Keys of which parts were wrong again and again, and until when they pass through, seconds since 1970.
        var partPasses: [CacheKey: Int64] = [:]
    }

    /// Beyond so many keys the memory of failures starts anew.
    private static let failuresAtMost = 4096

    init(store: Store, isOn: Bool, now: @escaping @Sendable () -> Int64, log: @escaping @Sendable (String) -> Void) {
        self.store = store
        self.isOn = isOn
        self.now = now
        self.log = log
    }

    /// Told of each key of which a whole body was found to be another one than was named. On any thread.
    func tell(_ onCondemned: @escaping @Sendable (CacheKey) -> Void) { self.onCondemned.withLock { $0 = onCondemned } }

    // MARK: Watching

    /// Who finds out whether this response has the digest that is named for it; nil where none is, or it is known already
    /// that it has.
    func watch(of response: StoredResponse) -> DigestWatch? {
        guard isOn else { return nil }
        switch response.digest {
        case .unknown: break
        case .nothingNamed, .matches: return nil
        case .differs(let found): return condemnedWatch(of: response, found)
        }
        guard let expected = Self.expected(of: response) else {
            store.note(.nothingNamed, of: response)
            return nil
        }
        return watch(of: response, expected)
    }

    /// It was found out between the look-up of the response and its use.
    private func condemnedWatch(of response: StoredResponse, _ found: String) -> DigestWatch? {
        guard let expected = Self.expected(of: response), let found = DigestValue(found) else { return nil }
        return DigestWatch(response, expected, on: threads, verdict: .differs(found)) { _, _ in }
    }

    /// The same, under a digest that somebody has named beside the response.
    func watch(of response: StoredResponse, _ expected: ExpectedDigest) -> DigestWatch {
        state.withLock { state in
            if let known = state.watches[response.id], known.expected.value == expected.value { return known }
            let made = DigestWatch(response, expected, on: threads) { [weak self] watch, verdict in
                self?.concluded(watch, verdict)
            }
            if let former = state.watches.updateValue(made, forKey: response.id) {
                state.formerWatches[response.id, default: []].append(former)
            }
            count(state)
            return made
        }
    }

    /// What is at work already.
    func runningWatch(of response: StoredResponse) -> DigestWatch? {
        guard watchCount.load(ordering: .relaxed) > 0 else { return nil }
        return state.withLock { $0.watches[response.id] }
    }

    private func count(_ state: State) {
        watchCount.store(
            state.watches.count + state.formerWatches.count + state.parts.count,
            ordering: .relaxed
        )
    }

    /// Bytes of it were written.
    func written(_ response: StoredResponse) {
        guard watchCount.load(ordering: .relaxed) > 0 else { return }
        for watch in allWatches(of: response) { watch.advance() }
    }

    private func allWatches(of response: StoredResponse) -> [DigestWatch] {
        state.withLock { state in
            let whole = state.watches[response.id].map { [$0] } ?? []
            return (state.parts[response.id] ?? []) + (state.formerWatches[response.id] ?? []) + whole
        }
    }

    /// It is complete. `then` is called with whether it may take the place of older ones: where nothing is to be
    /// compared at once, else on any thread.
    func completed(_ response: StoredResponse, then: @escaping @Sendable (Bool) -> Void) {
        let current = watch(of: response)
        for watch in allWatches(of: response) where watch !== current { watch.advance() }
        guard let watch = current else { return then(true) }
        watch.whenKnown { verdict in
            switch verdict {
            case .matches: then(true)
            case .differs: then(false)
            case .unknown: then(response.body.isComplete)
            }
        }
        watch.advance()
    }

    /// Nobody reads it, and nothing fills it.
    func left(_ response: StoredResponse) {
        guard !response.body.isComplete, watchCount.load(ordering: .relaxed) > 0 else { return }
        for watch in allWatches(of: response) { watch.leave() }
    }

    static func expected(of response: StoredResponse) -> ExpectedDigest? {
        guard case .success(let uri) = AbsoluteURI.parse(response.key.uri) else { return nil }
        return ExpectedDigest.ofWhole(response.metadata.head, at: uri)
    }

    // MARK: Verdicts

    /// A verification has read all of it.
    func found(_ found: DigestValue, _ expected: ExpectedDigest, of response: StoredResponse) {
        if found == expected.value {
            state.withLock { $0.failures[response.key] = nil }
            store.note(.matches(expected.value.description, namedBy: expected.source.name), of: response)
        } else {
            condemn(response, expected, found)
        }
    }

    private func concluded(_ watch: DigestWatch, _ verdict: DigestWatch.Verdict) {
        let (response, expected) = (watch.response, watch.expected)
        guard !isFormer(watch) else { return forget(watch) }
        switch verdict {
        case .unknown: forget(watch)
        case .matches:
            found(expected.value, expected, of: response)
            forget(watch)
        case .differs(let value):
            // Where a part is known to be the wrong one, the rest stays. Until that is decided the watch is found by who
            // comes, and its verdict with it.
            settleParts(of: response) { [self] isOneWrong in
                if !isOneWrong { found(value, expected, of: response) }
                forget(watch)
            }
        }
    }

    private func isFormer(_ watch: DigestWatch) -> Bool {
        state.withLock { state in state.formerWatches[watch.response.id]?.contains { $0 === watch } ?? false }
    }

    private func forget(_ watch: DigestWatch) {
        let id = watch.response.id
        state.withLock { state in
            if state.watches[id] === watch { state.watches[id] = nil }
            state.formerWatches[id]?.removeAll { $0 === watch }
            if state.formerWatches[id]?.isEmpty ?? false { state.formerWatches[id] = nil }
            state.parts[id]?.removeAll { $0 === watch }
            if state.parts[id]?.isEmpty ?? false { state.parts[id] = nil }
            count(state)
        }
    }

    // MARK: Parts

    /// The origin has named the digest of a part of it (Content-Digest of a 206). `onDiffers` is called where the part is
    /// another one, with whether it is worth fetching it anew.
    func watchPart(
        _ part: Range<Int64>,
        of response: StoredResponse,
        _ expected: ExpectedDigest,
        onDiffers: @escaping @Sendable (_ mayFetchAnew: Bool) -> Void
    ) {
        guard isOn, !part.isEmpty else { return }
        let watch = DigestWatch(response, expected, part: part, on: threads) { [weak self] watch, verdict in
            guard let self else { return }
            if case .differs(let found) = verdict { onDiffers(partDiffers(part, of: response, expected, found)) }
            forget(watch)
        }
        state.withLock { state in
            state.parts[response.id, default: []].append(watch)
            count(state)
        }
    }

    func partWatches(of response: StoredResponse) -> [DigestWatch] {
        guard watchCount.load(ordering: .relaxed) > 0 else { return [] }
        return state.withLock { $0.parts[response.id] ?? [] }
    }

    private static let partFailuresAtMost = 2
    private static let partPassSeconds: Int64 = 86_400

    private func partDiffers(
        _ part: Range<Int64>,
        of response: StoredResponse,
        _ expected: ExpectedDigest,
        _ found: DigestValue
    ) -> Bool {
        let now = self.now()
        let mayFetchAnew = state.withLock { state -> Bool in
            if state.partFailures.count >= Self.failuresAtMost { state.partFailures.removeAll() }
            if state.partPasses.count >= Self.failuresAtMost { state.partPasses.removeAll() }
            state.partFailures[response.id, default: 0] += 1
            if state.partFailures[response.id, default: 0] <= Self.partFailuresAtMost { return true }
            state.partPasses[response.key] = now + Self.partPassSeconds
            return false
        }
        let end =
            mayFetchAnew
            ? "That part was dropped, and is fetched anew."
            : "It is wrong again and again: what was held was dropped, and it passes through unstored for a day."
        log(
            "\(response.key.uri): bytes \(part.lowerBound)-\(part.upperBound - 1): \(Self.sentence(expected, found)) \(end)"
        )
        if !mayFetchAnew { store.remove(response) }
        return mayFetchAnew
    }

    /// All of it is held: the verdicts on its parts come soon. `then` is told whether one of them is wrong.
    private func settleParts(of response: StoredResponse, then: @escaping @Sendable (Bool) -> Void) {
        guard let part = partWatches(of: response).first else {
            return then(state.withLock { $0.partFailures[response.id] != nil } && !response.body.isComplete)
        }
        part.whenKnown { [self] verdict in
            if case .differs = verdict { return then(true) }
            forget(part)
            settleParts(of: response, then: then)
        }
        part.advance()
    }

    /// Its bytes have another digest: nobody is given them as the whole any more. An older complete version stays
    /// (invariant 12).
    private func condemn(_ response: StoredResponse, _ expected: ExpectedDigest, _ found: DigestValue) {
        // Before anybody can ask for the rest: under the same validator it will be another version (resume-rules 11, guard).
        onCondemned.withLock { $0 }?(response.key)
        let now = self.now()
        let consequence = state.withLock { state -> DigestFailures.Consequence in
            if state.failures.count >= Self.failuresAtMost { state.failures.removeAll() }
            var failures = state.failures[response.key] ?? DigestFailures(expected: expected.value)
            defer { state.failures[response.key] = failures }
            return failures.failed(expected: expected.value, found: found, at: now)
        }
        // First: whoever has found it already is told by it.
        store.note(.differs(found.description), of: response)
        store.remove(response)
        log("\(response.key.uri): \(Self.sentence(expected, found)) \(Self.sentence(consequence))")
    }

    static func sentence(_ expected: ExpectedDigest, _ found: DigestValue) -> String {
        "its \(found.algorithm.rawValue) is \(found.hexadecimal), not \(expected.value.hexadecimal), which "
            + "\(expected.source.name) names."
    }

    private static func sentence(_ consequence: DigestFailures.Consequence) -> String {
        switch consequence {
        case .fetchAnew: "What was held of it was dropped, and is fetched anew when it is asked for."
        case .passThrough:
            "It was fetched anew, and is wrong again: what was held was dropped, and it passes through unstored for a day."
        }
    }

    // MARK: Failures

    /// Whether an answer with this head, as it would be stored, passes through: what the origin names is not the digest
    /// of what it sends.
    func passes(_ head: ResponseHead, _ key: CacheKey) -> Bool {
        guard isOn else { return false }
        let (whole, until) = state.withLock { ($0.failures[key], $0.partPasses[key] ?? 0) }
        if until > now() { return true }
        guard let failures = whole,
            case .success(let uri) = AbsoluteURI.parse(key.uri),
            let expected = ExpectedDigest.ofWhole(head, at: uri)
        else { return false }
        return failures.passes(expected.value, at: now())
    }

    /// What went wrong last under this key, for people; nil where nothing did.
    func failure(of key: CacheKey) -> String? {
        guard let failures = state.withLock({ $0.failures[key] }), let found = failures.found.last else { return nil }
        let what = "a body with the \(found.algorithm.rawValue) \(found.hexadecimal) came instead of "
        let times = failures.found.count == 1 ? "" : ", \(failures.found.count) times in all"
        let end =
            failures.passesUntil != nil
            ? "; it passes through unstored" : "; it is fetched anew when it is asked for"
        return what + failures.expected.hexadecimal + times + end
    }
}
