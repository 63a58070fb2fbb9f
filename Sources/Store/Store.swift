// The store: bodies on disk and the index that describes them. It keeps bytes and says which of them are there;
// it decides nothing about HTTP. This file is its door: opening and closing, finding, creating, removing.

package import HTTPSemantics
package import Resume
import Synchronization

/// An open cache directory.
package final class Store: Sendable {
    let services: StoreServices
    let table: ResponseTable
    let totals: TotalsMirror
    private let nextID: Atomic<Int64>
    private let indexThread = Mutex<Thread?>(nil)
    private let isClosing = Atomic<Bool>(false)

    // MARK: Opening and closing

    /// Takes the directory's lock and opens the index; nothing is scanned. What an earlier run left undone is put
    /// right in the background.
    package static func open(_ configuration: StoreConfiguration) throws(StoreError) -> Store {
        let directory = try Directory(path: configuration.directory)
        let index = try IndexSchema.open(in: directory, now: configuration.now(), log: configuration.log)
        let store = Store(configuration: configuration, directory: directory, index: index)
        try store.startIndexThread(Handover(database: index.database))
        let find: @Sendable (CacheKey, @escaping ResponseTable.Completion) -> Void = { [weak store] key, completion in
            store?.find(key, completion)
        }
        Recovery(services: store.services, table: store.table, firstID: index.firstID, find: find).start()
        Scrub(services: store.services, find: find).start()
        return store
    }

    private init(configuration: StoreConfiguration, directory: Directory, index: IndexSchema.Opened) {
        services = StoreServices(configuration: configuration, directory: directory, held: index.totals.bytes)
        table = ResponseTable(hotBytes: configuration.hotBytes)
        totals = TotalsMirror(index.totals)
        nextID = Atomic(index.firstID)
    }

    /// The connection, on its way to the thread that alone uses it.
    private struct Handover: @unchecked Sendable {
        let database: Database
    }

    private func startIndexThread(_ handover: Handover) throws(StoreError) {
        let services = self.services
        let table = self.table
        let totals = self.totals
        let thread = Thread(named: "index") {
            IndexWriter(database: handover.database, services: services, table: table, totals: totals).run()
        }
        guard let thread else { throw StoreError(.unusable, "The system gives no thread for the index.") }
        indexThread.withLock { $0 = thread }
    }

    deinit {
        guard !isClosing.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // The last holder may be a job of ours, which cannot wait for itself.
        let parts = parts
        if Thread(named: "close", { parts.shutDown() }) == nil { parts.shutDown() }
    }

    /// Writes and flushes everything, and lets go of the directory. Blocking; a second call does nothing. Writers
    /// fail afterwards, readers get nothing new.
    package func close() {
        guard !isClosing.exchange(true, ordering: .acquiringAndReleasing) else { return }
        parts.shutDown()
    }

    private var parts: Parts {
        Parts(services: services, table: table, indexThread: indexThread.withLock { $0 })
    }

    private struct Parts: Sendable {
        let services: StoreServices
        let table: ResponseTable
        let indexThread: Thread?

        func shutDown() {
            // What is in buffers is written, then no more is taken.
            services.mailbox.settle(hard: false)
            services.pool.drain()
            services.isClosed.store(true, ordering: .releasing)
            for response in table.everything {
                response.body.keepWhatIsUnfinished()
                response.body.submitGivingBack()
            }
            services.pool.drain()
            services.mailbox.settle(hard: true)
            services.mailbox.stop()
            indexThread?.join()
            for response in table.everything {
                response.body.fail(StoreError(.gone, "The store is closed."))
            }
            services.flushPool.stop()
            services.connections.closeAll()
            services.descriptors.forgetAll()
            services.pool.stop()
            services.directory.unlock()
        }
    }

    /// Counts, not a scan.
    package var summary: StoreSummary {
        let values = totals.values
        return StoreSummary(
            entries: Int(values.entries),
            bytes: services.quota.heldBytes,
            unfinished: Int(max(0, values.unfinished)),
            damagedPieces: services.damagedPieces.load(ordering: .relaxed)
        )
    }

    /// Blocking: everything that was changed before is in the index. For tests and for the command line.
    package func settle() {
        services.mailbox.settle(hard: false)
        services.pool.drain()
        services.mailbox.settle(hard: false)
    }

    // MARK: Finding

    /// The current stored responses of a key, all variants, the newest first. nil: not loaded, ask `find`. Never
    /// touches the disk.
    package func findInMemory(_ key: CacheKey) -> [StoredResponse]? { table.find(key) }

    /// The same, from the index where it is not loaded. The completion is called at once, or on a disk thread.
    package func find(_ key: CacheKey, _ completion: @escaping @Sendable ([StoredResponse]) -> Void) {
        switch table.beginLookup(key, completion) {
        case .found(let responses):
            completion(responses)
        case .wait:
            break
        case .load:
            services.pool.submit { self.load(key) }
        }
    }

    private func load(_ key: CacheKey) {
        var loaded = ResponseLoader.Loaded()
        do {
            loaded = try ResponseLoader(services: services, table: table).load(key)
        } catch {
            // A cache that cannot be read answers as an empty one.
            services.log("Reading the index failed: \(error)")
        }
        table.loaded(key, loaded.responses, guards: loaded.guards)
    }

    // MARK: Writing

    /// A new stored response: at once in memory, and found. It gets its row with its first bytes.
    package func create(_ new: NewStoredResponse) -> StoredResponse {
        let id = nextID.add(1, ordering: .relaxed).oldValue
        let isSmall = new.expectsSmallBody && (new.completeLength ?? 0) <= Int64(services.configuration.smallBody)
        let state = BodyState(storage: isSmall ? .memory([]) : .file, completeLength: new.completeLength)
        let response = StoredResponse(
            id: id,
            key: new.key,
            requestFields: new.requestFields,
            validator: new.validator,
            originAddress: new.originAddress,
            body: StoredBody(id: id, services: services, state: state),
            record: StoredResponse.Record(
                metadata: StoredMetadata(
                    head: new.head,
                    requestTime: new.requestTime,
                    responseTime: new.responseTime,
                    isInvalidated: false
                ),
                lastUse: services.now()
            ),
            services: services
        )
        if let refusal = services.refusal {
            // Nothing of it will be stored: it is not found either, and its writer says why.
            _ = response.markRemoved()
            response.body.fail(refusal)
            return response
        }
        // R11: at most 64 variants a URL.
        for surplus in table.insert(response) { remove(surplus) }
        if response.body.isComplete { services.mailbox.changed(response, bytes: 0) }
        return response
    }

    /// It is no longer found. It is kept until its readers have left and its guard time is over (resume-rules 11).
    package func supersede(_ old: StoredResponse) {
        guard table.retire(old) else { return }
        let until = services.now() + services.configuration.guardSeconds
        old.change(isCurrent: false) { record in
            record.supersededUntil = until
            record.download = nil
            record.isDownloadChanged = true
            record.isRowChanged = true
        }
    }

    /// A 304 or a 206 freshened it: a new head and new times. It may be used again.
    package func update(_ response: StoredResponse, head: ResponseHead, requestTime: Int64, responseTime: Int64) {
        let isFindable = response.record.withLock { $0.supersededUntil == nil }
        response.change(isCurrent: isFindable) { record in
            // What is said of the digest now has to be compared anew.
            if !DigestFields.areEqual(record.metadata.head.fields, head.fields) { record.digest = .unknown }
            record.metadata = StoredMetadata(
                head: head,
                requestTime: requestTime,
                responseTime: responseTime,
                isInvalidated: false
            )
            record.isRowChanged = true
        }
    }

    /// Everything of this key has to be validated before any use, and what is unfinished is not taken up again:
    /// an unsafe method succeeded (RFC 9111 §4.4).
    package func invalidate(_ key: CacheKey) {
        find(key) { responses in responses.forEach { self.invalidate($0) } }
        // Resume-rules 11: what is retained is never used again after that either.
        findRetained(key) { responses in responses.forEach { self.invalidate($0) } }
    }

    /// The same of one stored response.
    package func invalidate(_ response: StoredResponse) {
        response.change(isCurrent: false) { record in
            record.metadata.isInvalidated = true
            record.isRowChanged = true
            record.isDownloadChanged = record.isDownloadChanged || record.download != nil
            record.download = nil
        }
    }

    /// Removes what is stored of a key; how many stored responses that were. Blocking. Readers that are inside
    /// keep what is held.
    package func purge(_ key: CacheKey) -> Int {
        let responses = findBlocking(key)
        for response in responses + table.retired(of: key) { remove(response) }
        services.mailbox.purged(key)
        services.mailbox.settle(hard: false)
        return responses.count
    }

    /// Removes everything; how many stored responses that were. Blocking.
    package func purgeAll() -> Int {
        services.mailbox.settle(hard: false)
        // What is created from now on stays.
        let end = nextID.load(ordering: .relaxed)
        let loaded = table.everything.filter { $0.id < end }
        // Those that have no row yet are not among the index's entries.
        let count =
            Int(totals.values.entries)
            + loaded.count { response in
                response.record.withLock { !$0.isInserted && !$0.isRemoved && $0.supersededUntil == nil }
            }
        for response in loaded { remove(response) }
        services.mailbox.settle(hard: false)
        var last: Int64 = 0
        while let page = keysOfRows(after: last, before: end) {
            for key in page.keys { services.mailbox.purged(key) }
            services.mailbox.settle(hard: false)
            last = page.last
        }
        return count
    }

    /// Removes one stored response.
    package func remove(_ response: StoredResponse) {
        if let deletion = table.discard(response) { services.mailbox.removed(deletion) }
    }

    /// It was used. Kept in memory; written at most once an hour (architecture "Storage": no write per hit).
    package func used(_ response: StoredResponse) {
        let now = services.now()
        let isDue = response.record.withLock { record in
            record.hits += 1
            record.lastUse = max(record.lastUse, now)
            guard !record.isRemoved, record.isInserted, record.lastUseWritten <= now - 3600 else { return false }
            record.lastUseWritten = now
            record.isRowChanged = true
            return true
        }
        if isDue { services.mailbox.changed(response, bytes: 0) }
    }

    // MARK: Guard records (resume-rules 11)

    /// Those of a key that is loaded; the latest last.
    package func guardRecords(for key: CacheKey) -> [GuardRecord] { table.guards(of: key) }

    /// One for each client and version: a later one takes the place of an earlier one. Written with the next claim.
    package func record(_ record: GuardRecord, key: CacheKey) {
        table.record(record, key: key)
        services.mailbox.recorded(record, key: key)
    }

    /// The same as `find`. Blocking; never on a loop.
    package func findBlocking(_ key: CacheKey) -> [StoredResponse] {
        let answer = Monitor<[StoredResponse]?>(nil)
        find(key) { responses in answer.change { $0 = responses } }
        return answer.waiting { $0.map { .go($0) } ?? .wait(until: nil) }
    }
}

extension StoredBody {
    /// At the end of the store: a small body that is not whole becomes a file, as if it had been cut short.
    fileprivate func keepWhatIsUnfinished() {
        let spills = state.withLock { state in
            state.isInMemory && !state.isComplete && state.end == nil && state.beginSpill()
        }
        if spills { submitSpill() }
    }
}
