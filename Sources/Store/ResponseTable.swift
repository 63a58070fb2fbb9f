// The stored responses that are loaded, by key, in shards with a lock each. What something holds is always
// found as the same object; what nothing holds leaves the memory when the bound is reached, least recently
// found first. It touches neither the disk nor the index: look-ups that need them are started by `Store`.

import HTTPSemantics
import Resume
import Synchronization

/// The loaded part of the index.
final class ResponseTable: Sendable {
    typealias Completion = @Sendable ([StoredResponse]) -> Void

    fileprivate struct Entry {
        /// Those that may be found, the newest first.
        var responses: [StoredResponse] = []
        /// All that the index has of this key is here.
        var isLoaded = false
        var guards = GuardRecords()
        /// Found since the last time that room was looked for.
        var isReferenced = true
        var cost = 0
        /// Something of it may not be in the index yet before this monotonic instant.
        var keepUntil: Int64 = 0
    }

    fileprivate struct Shard {
        var entries: [CacheKey: Entry] = [:]
        /// The order in which room is looked for.
        var order = Queue<CacheKey>()
        var cost = 0
        /// Superseded ones (version retention, resume-rules 11).
        var retired: [Int64: StoredResponse] = [:]
        /// Rows that are being deleted; true: the transaction is through. A look-up that began before may
        /// still see such a row.
        var condemned: [Int64: Bool] = [:]
        var loading: [CacheKey: [Completion]] = [:]
    }

    fileprivate final class LockedShard: Sendable {
        let state = Mutex(Shard())
    }

    private static let count = 16
    private let shards = (0..<ResponseTable.count).map { _ in LockedShard() }
    private let budget: Int
    /// R11: variants (and versions) of one URI that are kept.
    private static let variantsPerKey = 64
    /// Longer than a claim takes to reach the index.
    private static let claimNanoseconds: Int64 = 10_000_000_000

    init(hotBytes: Int) { budget = max(64 << 10, hotBytes / Self.count) }

    private func shard(_ key: CacheKey) -> LockedShard { shards[Int(truncatingIfNeeded: key.low % UInt64(Self.count))] }

    // MARK: Finding

    /// nil where the index has to be asked.
    func find(_ key: CacheKey) -> [StoredResponse]? {
        shard(key).state.withLock { state in
            guard let index = state.entries.index(forKey: key), state.entries.values[index].isLoaded else { return nil }
            state.entries.values[index].isReferenced = true
            return state.entries.values[index].responses
        }
    }

    enum Lookup {
        case found([StoredResponse])
        /// The caller is to ask the index and to call `loaded`.
        case load
        /// Somebody asks it already; the completion has been noted.
        case wait
    }

    func beginLookup(_ key: CacheKey, _ completion: @escaping Completion) -> Lookup {
        shard(key).state.withLock { state in
            if let entry = state.entries[key], entry.isLoaded { return .found(entry.responses) }
            defer { state.loading[key, default: []].append(completion) }
            return state.loading[key] == nil ? .load : .wait
        }
    }

    /// Whether a row of the index is to be passed over, because its response is here or on its way out.
    func isKnown(_ id: Int64, key: CacheKey) -> Bool {
        shard(key).state.withLock { state in
            state.condemned[id] != nil || state.retired[id] != nil
                || state.entries[key]?.responses.contains { $0.id == id } ?? false
        }
    }

    /// The index has been asked. Completions run on this thread.
    func loaded(_ key: CacheKey, _ responses: [StoredResponse], guards: [GuardRecord]) {
        let (found, completions, dropped) = shard(key).state.withLock { state in
            var entry = state.entries[key] ?? Entry()
            for response in responses where state.condemned[response.id] == nil {
                guard state.retired[response.id] == nil, !entry.responses.contains(where: { $0.id == response.id })
                else { continue }
                entry.responses.append(response)
            }
            entry.responses.sort { $0.id > $1.id }
            entry.isLoaded = true
            for record in guards { entry.guards.load(record) }
            entry.guards.sortByTime()
            state.put(entry, for: key)
            let completions = state.loading.removeValue(forKey: key) ?? []
            if state.loading.isEmpty { state.condemned = state.condemned.filter { !$0.value } }
            return (entry.responses, completions, state.trim(to: budget))
        }
        _ = consume dropped
        for completion in completions { completion(found) }
    }

    // MARK: Changing

    /// A new response, at once to be found. Those that it is one too many for come back, to be removed.
    func insert(_ response: StoredResponse) -> [StoredResponse] {
        let (surplus, dropped) = shard(response.key).state.withLock { state in
            var entry = state.entries[response.key] ?? Entry()
            entry.responses.insert(response, at: 0)
            entry.keepUntil = monotonicNanoseconds() + Self.claimNanoseconds
            let surplus =
                entry.responses.count > Self.variantsPerKey
                ? entry.responses.dropFirst(Self.variantsPerKey).filter { !$0.body.isInUse } : []
            state.put(entry, for: response.key)
            return (surplus, state.trim(to: budget))
        }
        _ = consume dropped
        return surplus
    }

    /// No longer to be found, and kept. false where it was not to be found before.
    func retire(_ response: StoredResponse) -> Bool {
        shard(response.key).state.withLock { state in
            guard state.take(response) else { return false }
            state.retired[response.id] = response
            return true
        }
    }

    /// Out of the table, its row condemned. nil where somebody did that before.
    func discard(_ response: StoredResponse) -> Deletion? {
        guard response.markRemoved() else { return nil }
        let retired = shard(response.key).state.withLock { state in
            _ = state.take(response)
            state.condemned[response.id] = false
            return state.retired.removeValue(forKey: response.id)
        }
        _ = consume retired
        response.body.markRemoved()
        return Deletion(id: response.id, key: response.key, body: response.body)
    }

    enum Eviction {
        /// A fill works on it.
        case busy
        /// It was used later than the index knows: seconds since 1970 UTC.
        case usedLater(Int64)
        case gone(Deletion)
    }

    /// A row that is to make room (architecture: never what is being filled).
    func evict(_ id: Int64, key: CacheKey, lastUse: Int64) -> Eviction {
        let response = shard(key).state.withLock { state -> StoredResponse? in
            if let response = state.retired[id] ?? state.entries[key]?.responses.first(where: { $0.id == id }) {
                return response
            }
            state.condemned[id] = false
            return nil
        }
        guard let response else { return .gone(Deletion(id: id, key: key, body: nil)) }
        // What is complete owes nothing, whatever is noted of its fill.
        if response.body.hasWriters || (response.isNotedAsFilling && !response.body.isComplete) { return .busy }
        if response.isCurrent, response.lastUse > lastUse { return .usedLater(response.lastUse) }
        return discard(response).map { .gone($0) } ?? .busy
    }

    /// A row that is to be deleted, unless its response is loaded.
    func condemn(_ id: Int64, key: CacheKey) -> Deletion? {
        shard(key).state.withLock { state in
            guard state.retired[id] == nil, state.condemned[id] == nil,
                !(state.entries[key]?.responses.contains { $0.id == id } ?? false)
            else { return nil }
            state.condemned[id] = false
            return Deletion(id: id, key: key, body: nil)
        }
    }

    /// The rows are deleted.
    func deleted(_ deletions: [Deletion]) {
        for deletion in deletions {
            shard(deletion.key).state.withLock { state in
                if state.loading.isEmpty {
                    state.condemned[deletion.id] = nil
                } else {
                    state.condemned[deletion.id] = true
                }
            }
        }
    }

    /// Superseded ones of this key.
    func retired(of key: CacheKey) -> [StoredResponse] {
        shard(key).state.withLock { state in state.retired.values.filter { $0.key == key } }
    }

    /// Superseded ones were read from the index: of each there is one object, whoever asked first.
    func restored(_ key: CacheKey, _ responses: [StoredResponse]) -> [StoredResponse] {
        shard(key).state.withLock { state in
            for response in responses where state.condemned[response.id] == nil {
                // One that was loaded as a current one meanwhile is none of these.
                guard state.retired[response.id] == nil,
                    !(state.entries[key]?.responses.contains { $0.id == response.id } ?? false)
                else { continue }
                state.retired[response.id] = response
            }
            return state.retired.values.filter { $0.key == key }
        }
    }

    /// Superseded ones whose time is over and that nobody holds.
    func expired(now: Int64) -> [StoredResponse] {
        shards.flatMap { shard in
            shard.state.withLock { state in
                state.retired.values.filter { response in
                    response.record.withLock { ($0.supersededUntil ?? .max) <= now } && !response.body.isInUse
                }
            }
        }
    }

    /// Superseded ones that nothing holds leave the memory; the index knows when their time is over.
    func releaseRetired() {
        for shard in shards {
            let released = shard.state.withLock { state in
                var released: [StoredResponse] = []
                for id in Array(state.retired.keys) {
                    guard var response = state.retired.removeValue(forKey: id) else { continue }
                    if isKnownUniquelyReferenced(&response), response.body.detach() {
                        released.append(response)
                    } else {
                        state.retired[id] = response
                    }
                }
                return released
            }
            _ = consume released
        }
    }

    /// Everything that is loaded.
    var everything: [StoredResponse] {
        shards.flatMap { shard in
            shard.state.withLock { state in state.entries.values.flatMap(\.responses) + state.retired.values }
        }
    }

    // MARK: Guard records (resume-rules 11)

    func guards(of key: CacheKey) -> [GuardRecord] {
        shard(key).state.withLock { $0.entries[key]?.guards.records ?? [] }
    }

    /// How the record of that client and version stands; nil where it is not loaded.
    func guardRecord(of key: CacheKey, client: String, version: Int64) -> GuardRecord? {
        shard(key).state.withLock { $0.entries[key]?.guards.record(client: client, version: version) }
    }

    func record(_ record: GuardRecord, key: CacheKey) {
        shard(key).state.withLock { state in
            var entry = state.entries[key] ?? Entry()
            entry.guards.note(record)
            entry.keepUntil = monotonicNanoseconds() + Self.claimNanoseconds
            state.put(entry, for: key)
        }
    }
}

extension ResponseTable.Shard {
    fileprivate mutating func put(_ entry: ResponseTable.Entry, for key: CacheKey) {
        var entry = entry
        if let known = entries[key] { cost -= known.cost } else { order.append(key) }
        entry.cost = entry.currentCost
        cost += entry.cost
        entry.isReferenced = true
        entries[key] = entry
    }

    /// Takes a response out of what may be found.
    fileprivate mutating func take(_ response: StoredResponse) -> Bool {
        guard let index = entries[response.key]?.responses.firstIndex(where: { $0 === response }) else { return false }
        entries[response.key]?.responses.remove(at: index)
        return true
    }

    /// Second chance: what was found since the last round stays once more. The entries that leave are returned,
    /// to be released outside of the lock.
    fileprivate mutating func trim(to budget: Int) -> [ResponseTable.Entry] {
        var dropped: [ResponseTable.Entry] = []
        // A few at a time: an insertion never walks over everything.
        var attempts = min(order.count * 2, 64)
        let now = monotonicNanoseconds()
        while cost > budget, attempts > 0, let key = order.popFirst() {
            attempts -= 1
            guard var entry = entries.removeValue(forKey: key) else { continue }
            cost -= entry.cost
            if !entry.isReferenced, entry.keepUntil < now, loading[key] == nil, entry.letGo() {
                dropped.append(entry)
                continue
            }
            entry.isReferenced = false
            entry.cost = entry.currentCost
            cost += entry.cost
            entries[key] = entry
            order.append(key)
        }
        return dropped
    }
}

extension ResponseTable.Entry {
    fileprivate var currentCost: Int {
        responses.reduce(256 + guards.count * 96) { $0 + $1.cost }
    }

    /// true where nothing holds any of it. Somebody who holds nothing but a body finds it ended.
    fileprivate mutating func letGo() -> Bool {
        // The deliveries of what was superseded hold none of the responses; their end is noted here.
        guard !guards.hasOpenDeliveries else { return false }
        for index in responses.indices {
            guard isKnownUniquelyReferenced(&responses[index]), !responses[index].body.isInUse else { return false }
        }
        for index in responses.indices where !responses[index].body.detach() {
            // Those that were let go before it are loaded anew.
            responses.removeFirst(index)
            isLoaded = false
            return false
        }
        return true
    }
}
