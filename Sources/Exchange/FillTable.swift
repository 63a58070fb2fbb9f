// Where requests for the same bytes meet: which keys have their first answer under way, which keys are
// remembered as not storable, and which versions have fills. Sharded by key, one lock a shard, held for
// moments; what a table says is carried out after the unlock (invariants 9 and 13).

package import Configuration
package import HTTPSemantics
package import NIOCore
import Resume
package import Store
import Synchronization
package import Transport
import Wire

/// The table of all that is being fetched. May be used from any thread.
package final class FillTable: Sendable {
    let store: Store
    let client: UpstreamClient
    let access: Access
    let configuration: Configuration
    let group: any EventLoopGroup
    let pseudonym: String
    let log: @Sendable (String) -> Void
    let finisher: Finisher
    package let origins: OriginMemory
    /// What is being waited for, for `status`.
    let waits = Waits()
    let rates: Rates
    let clock = FinishClock()
    /// How many clients in turn left a key before it was whole.
    let aborts = Mutex<[CacheKey: Int]>([:])
    /// Why versions are parked, by their numbers.
    let parkReasons = Mutex<[Int64: AbandonReason]>([:])
    let digests: DigestDesk
    /// What the directives say of storing and reuse; rules come on top.
    let basePolicy: CachePolicy
    var rules: CacheRules { configuration.rules }
    private let shards: [Shard]

    final class Shard: Sendable {
        let state = Mutex(ShardState())
    }

    struct ShardState {
        var openings: [CacheKey: Opening] = [:]
        /// Numbers are never used again: a late release must not meet another opening's waiter.
        var lastWaiter = 0
        /// When an unsafe method last succeeded at a key (monotonic nanoseconds): what was asked before is not believed.
        var invalidations: [CacheKey: Int64] = [:]
        /// How often the bytes of a key changed under the same validator: versions of before are others.
        var doubts: [CacheKey: Int] = [:]
        /// Keys whose bodies did not fit, and until when (monotonic nanoseconds) they are not tried again.
        var unfitting: [CacheKey: Int64] = [:]
        /// Keys whose answers were not storable, and until when (monotonic nanoseconds) nobody waits there.
        var passes: [CacheKey: Int64] = [:]
        var versions: [Int64: VersionFills] = [:]
        /// How clients read bodies piece by piece.
        var readAheads: [ReadAheadKey: ReadAhead] = [:]
    }

    struct Opening {
        var waiting: [Int: @Sendable () -> Void] = [:]
    }

    /// How many keys a shard remembers as passed; beyond it the memory of that shard starts anew.
    private static let passesPerShard = 1024

    package init(
        store: Store,
        client: UpstreamClient,
        access: Access,
        configuration: Configuration,
        group: any EventLoopGroup,
        pseudonym: String,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.client = client
        self.access = access
        self.configuration = configuration
        self.group = group
        self.pseudonym = pseudonym
        self.log = log
        basePolicy = configuration.policy
        origins = OriginMemory(store: store, isOn: configuration.resume.originMemory)
        finisher = Finisher(
            limit: configuration.resume.maxFinishing,
            limitPerOrigin: configuration.resume.maxFinishingPerOrigin
        )
        rates = Rates(configuration)
        digests = DigestDesk(
            store: store,
            isOn: configuration.resume.verifyDigests,
            now: { Clock.unixSeconds() },
            log: log
        )
        shards = (0..<16).map { _ in Shard() }
        digests.tell { [weak self] key in self?.doubts(key) }
    }

    func shard(_ key: CacheKey) -> Shard { shards[Int(truncatingIfNeeded: key.low & 15)] }

    // MARK: Openings: until the first head for a key is in, one request is out

    enum OpeningVerdict: Equatable {
        /// Nobody asks: the caller does, and calls `close` when the head is in, or failed.
        case ask
        /// Somebody asks; `released` will be called once, unless `leave` is called first. The number is for `leave`.
        case wait(Int)
        /// The key's answers are not storable: everybody asks for himself.
        case pass
    }

    /// - Parameter released: called on any thread.
    func open(_ key: CacheKey, released: @escaping @Sendable () -> Void) -> OpeningVerdict {
        let now = Clock.monotonicNanoseconds()
        return shard(key).state.withLock { shard in
            if let until = shard.passes[key] {
                if until > now { return .pass }
                shard.passes[key] = nil
            }
            guard shard.openings[key] != nil else {
                shard.openings[key] = Opening()
                return .ask
            }
            shard.lastWaiter += 1
            let number = shard.lastWaiter
            shard.openings[key]?.waiting[number] = released
            return .wait(number)
        }
    }

    /// A waiting request gives up waiting. Whether it still was waiting.
    @discardableResult
    func leave(_ key: CacheKey, number: Int) -> Bool {
        shard(key).state.withLock { $0.openings[key]?.waiting.removeValue(forKey: number) != nil }
    }

    /// The first head is in, or will not come: all who wait are released at once.
    ///
    /// - Parameter notStorable: the key is remembered, so that nobody waits there for a while.
    func close(_ key: CacheKey, notStorable: Bool) {
        let until = Clock.monotonicNanoseconds() + configuration.collapse.passMemoryNanoseconds
        let released = shard(key).state.withLock { shard in
            if notStorable {
                if shard.passes.count >= Self.passesPerShard { shard.passes.removeAll() }
                shard.passes[key] = until
            }
            return shard.openings.removeValue(forKey: key)?.waiting
        }
        released?.values.forEach { $0() }
    }

    /// The body of this key could not be stored to its end: for a while it passes through.
    func didNotFit(_ key: CacheKey) {
        let until = Clock.monotonicNanoseconds() + configuration.collapse.passMemoryNanoseconds
        shard(key).state.withLock { shard in
            if shard.unfitting.count >= Self.passesPerShard { shard.unfitting.removeAll() }
            shard.unfitting[key] = until
        }
    }

    /// The bytes of this key have changed, and its validator has not: it no longer tells its versions apart.
    func doubts(_ key: CacheKey) {
        shard(key).state.withLock { shard in
            if shard.doubts.count >= Self.passesPerShard { shard.doubts.removeAll() }
            shard.doubts[key, default: 0] += 1
        }
        // What else is held in part was begun under the same word: what comes now finishes it, and nothing is added later.
        for response in store.findInMemory(key) ?? [] where !response.body.isComplete {
            if let fills = liveFills(of: response) { fills.refusesRanges() } else { store.supersede(response) }
        }
        // The count is gone after a restart; that these clients hold bytes of another version must not be.
        for record in store.guardRecords(for: key) {
            store.record(
                GuardRecord(
                    client: record.client,
                    version: VersionIdentity.ofNone,
                    highestByte: record.isOpen ? .max : record.highestByte,
                    at: Clock.unixSeconds(),
                    isOpen: false
                ),
                key: key
            )
        }
    }

    /// Whether the bytes of this key have changed under an unchanged validator: its parts are joined to nothing. Of others of
    /// its origin it says nothing.
    func isDoubted(_ key: CacheKey) -> Bool {
        shard(key).state.withLock { $0.doubts[key] != nil }
    }

    /// The number of a version for the resume guard: the same version fetched anew has the same number.
    func identity(_ key: CacheKey, _ fields: FieldSection, completeLength: Int64?) -> Int64? {
        let doubts = shard(key).state.withLock { $0.doubts[key] ?? 0 }
        return VersionIdentity.number(fields, completeLength: completeLength, doubts: doubts)
    }

    func fits(_ key: CacheKey) -> Bool {
        shard(key).state.withLock { shard in
            guard let until = shard.unfitting[key] else { return true }
            if until > Clock.monotonicNanoseconds() { return false }
            shard.unfitting[key] = nil
            return true
        }
    }

    // MARK: Versions with fills

    /// The fills of a version, made where there are none yet.
    func fills(
        of response: StoredResponse,
        uri: AbsoluteURI,
        template: @autoclosure () -> FieldSection
    ) -> VersionFills {
        shard(response.key).state.withLock { shard in
            // One that was left to itself may be on its way out of the table: it is not waited for.
            if let known = shard.versions[response.id], !known.isForgotten { return known }
            let made = VersionFills(
                response: response,
                uri: uri,
                template: template(),
                isNotedUnfinished: true,
                table: self
            )
            shard.versions[response.id] = made
            return made
        }
    }

    /// The fills of a version, where it has any.
    func liveFills(of response: StoredResponse) -> VersionFills? {
        shard(response.key).state.withLock { $0.versions[response.id] }
    }

    /// Forgets a version that nobody reads and nobody fills.
    func forget(_ version: VersionFills) {
        hide(version)
        digests.left(version.response)
    }

    /// Nobody joins it any more; who reads it is served to its end.
    func hide(_ version: VersionFills) {
        shard(version.response.key).state.withLock { shard in
            if shard.versions[version.response.id] === version { shard.versions[version.response.id] = nil }
        }
    }

    /// An unsafe method succeeded: what is being filled under this key serves those who read it, and ends.
    func closeFills(of key: CacheKey) {
        let now = Clock.monotonicNanoseconds()
        shard(key).state.withLock { shard in
            if shard.invalidations.count >= Self.passesPerShard { shard.invalidations.removeAll() }
            shard.invalidations[key] = now
        }
        versions(of: key).forEach { $0.close() }
    }

    private func versions(of key: CacheKey) -> [VersionFills] {
        shard(key).state.withLock { shard in shard.versions.values.filter { $0.response.key == key } }
    }

    /// A purge: what is being filled under this key ends, held bytes or not.
    package func stopFills(of key: CacheKey) {
        versions(of: key).forEach { $0.stop() }
    }

    package func stopAllFills() {
        allVersions().forEach { $0.stop() }
    }

    func allVersions() -> [VersionFills] {
        shards.flatMap { shard in shard.state.withLock { Array($0.versions.values) } }
    }

    /// What is being filled, for `status`.
    package func reports() -> [FillReport] {
        allVersions().map { $0.report() }.filter { !$0.fills.isEmpty || $0.readers > 0 || $0.isQueued }
    }

    /// Which addresses a fill may connect to: those that the client who caused it may reach, or, where there is no
    /// client any more, what is open to everybody and the address that the stored bytes came from (R62).
    func check(client: IPAddress?, uri: AbsoluteURI, knownOrigin: IPAddress?) -> @Sendable (IPAddress, UInt16) -> Bool {
        let host = uri.authority.bareHost
        if client != nil { return access.judge(client: client, host: host, port: uri.port) }
        let access = self.access
        let port = uri.port
        return { address, _ in
            access.reaches(client: nil, host: host, address: address, port: port)
                || address == knownOrigin && !access.isOwn(address, port: port)
        }
    }

    /// A body ended with its connection: earlier ones of which nobody knew the end either are of no use beside it.
    func supersedeUnproven(before response: StoredResponse) {
        for older in store.findInMemory(response.key) ?? []
        where older.id < response.id && older.requestFields == response.requestFields && !older.body.isComplete
            && older.body.completeLength == nil
        {
            store.remove(older)
        }
    }

    /// A version is complete: what it replaces is no longer found (invariant 12: not before, and not where its digest
    /// shows that it is not what the origin has).
    func completed(_ response: StoredResponse) {
        isWhole(response.key)
        digests.completed(response) { isSound in
            if isSound { self.supersedeOlder(than: response) }
        }
    }

    private func supersedeOlder(than response: StoredResponse) {
        let isError = response.metadata.head.status >= 500
        for older in store.findInMemory(response.key) ?? []
        where older.id < response.id && older.requestFields == response.requestFields {
            // An error says nothing of the representation, which may be asked about again when it is over.
            if isError, older.metadata.head.status < 400 { continue }
            store.supersede(older)
        }
    }
}
