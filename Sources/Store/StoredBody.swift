// The body of a stored response: which bytes are held, which of them have been proved, who reads and who
// writes. The bytes themselves are in memory (a small body) or in a file; the other files of this folder move
// them (StoredBody+Writing, +Reading, +Verifying, +Claims). All work on the file is done by jobs of one queue.

package import Resume
import Synchronization

/// The bytes of one version of a representation.
package final class StoredBody: Sendable {
    let id: Int64
    let services: StoreServices
    /// All jobs that touch the file, in order.
    let queue = DiskQueue()
    let state: Mutex<BodyState>

    typealias Wake = @Sendable () -> Void

    init(id: Int64, services: StoreServices, state: consuming sending BodyState) {
        self.id = id
        self.services = services
        self.state = Mutex(state)
    }

    /// The bytes that are held. Every one may be asked for; those that come from an earlier run are checked
    /// before a reader gets them, and what fails the check is held no longer.
    package var held: ByteRangeSet { state.withLock { $0.held } }

    package var completeLength: Int64? { state.withLock { $0.completeLength } }

    /// The complete length is known, and all of it is held.
    package var isComplete: Bool { state.withLock { $0.isComplete } }

    /// The complete length becomes known, once. One that is different, or that held bytes contradict, is ignored.
    package func learn(completeLength: Int64) {
        let response = state.withLock { state -> StoredResponse? in
            guard state.completeLength == nil, completeLength >= 0 else { return nil }
            if let last = state.held.ranges.last, last.upperBound > completeLength { return nil }
            state.completeLength = completeLength
            return state.response
        }
        response?.change(isCurrent: nil) { $0.isRowChanged = true }
    }

    /// Wakes every waiting reader: a fill ended or failed, or something else changed for them.
    package func notifyEnd() {
        let wakes = state.withLock { $0.takeAllWakes() }
        for wake in wakes { wake() }
    }

    /// The stored response that this is the body of.
    func adopt(by response: StoredResponse) {
        state.withLock { $0.response = response }
    }

    /// What it takes in memory, roughly, in bytes.
    var memoryCost: Int {
        state.withLock { state in
            var cost = 16 * (state.held.ranges.count + state.verified.ranges.count)
            if case .memory(let bytes) = state.storage { cost += bytes.count }
            return cost
        }
    }

    var hasWriters: Bool { state.withLock { !$0.writers.isEmpty } }
    var isInUse: Bool { state.withLock { !$0.writers.isEmpty || !$0.readers.isEmpty } }

    /// Lets go of it where nobody reads or writes it: it will be loaded anew. false where somebody does.
    func detach() -> Bool {
        state.withLock { state in
            guard state.writers.isEmpty, state.readers.isEmpty, !state.isFlushing, !state.hasUnflushed,
                state.dirtySegments.isEmpty, state.claimedSegments.isEmpty
            else { return false }
            if state.end == nil { state.end = StoreError(.gone, "The stored response was loaded anew.") }
            return true
        }
    }

    /// It was removed: writers fail, readers keep what is held as long as they stay.
    func markRemoved() {
        let (bytes, file, opens, wakes) = state.withLock { state -> (Int64, BodyFile?, Bool, [Wake]) in
            guard !state.isRemoved else { return (0, nil, false, []) }
            state.isRemoved = true
            if state.end == nil { state.end = StoreError(.gone, "The stored response was removed.") }
            state.dirtySegments = []
            // Without readers the descriptor closes at once, and the bytes are free.
            let file = !state.writers.isEmpty || !state.readers.isEmpty ? state.file : nil
            for number in state.readers.keys where state.readers[number]?.file == nil {
                state.readers[number]?.file = file
            }
            let opens = !state.readers.isEmpty && file == nil && state.content == nil && !state.held.isEmpty
            return (state.held.byteCount, file, opens, state.takeAllWakes())
        }
        services.quota.shrink(bytes)
        // In line before the job that takes the file its name.
        if opens { services.pool.submit(in: queue) { self.openForReaders(lingering: bytes) } }
        file?.linger(bytes)
        services.descriptors.forget(id)
        let unflushed = state.withLock { $0.unflushedFile.take() }
        _ = consume unflushed
        for wake in wakes { wake() }
    }

    /// Tells the index that bytes were added.
    func noteChange(bytes: Int64) {
        guard let response = state.withLock({ $0.response }) else { return }
        services.mailbox.changed(response, bytes: bytes)
    }
}

/// What a body is made of, under its lock.
struct BodyState {
    weak var response: StoredResponse?
    var storage: Storage
    var held: ByteRangeSet
    /// Written in this run, or checked since it was loaded (hardening 2.2 item 4). Always a part of `held`.
    var verified: ByteRangeSet
    var completeLength: Int64?

    /// The segments that are in memory: changed, not flushed, or being worked on. The others are in the index.
    var segments: [Int64: Segment] = [:]
    /// Those that the index has not seen as they are.
    var dirtySegments: Set<Int64> = []
    /// Those that a transaction under way writes.
    var claimedSegments: Set<Int64> = []
    /// Those that the running job needs in memory.
    var pinnedSegments: Set<Int64> = []

    weak var file: BodyFile?
    /// The file has been made in this run and the directory has not been flushed since.
    var needsDirectoryFlush = false
    /// Open from the first byte that is not flushed to its flush: only a descriptor that was open then is told of
    /// an error that the disk had meanwhile, and that one can be had at once.
    var unflushedFile: BodyFile?
    /// Room that the disk has given and that is not written yet. Changed by jobs of the queue only, and empty when no
    /// writer is open.
    var reserved = ByteRangeSet()
    /// Was held and is not any more: a reader may still be sending it, so that its blocks stay as they are.
    var dropped = ByteRangeSet()
    /// Rows of segments that the index has no more, for the readers of a removed body.
    var keptRows: [Int64: [UInt8]] = [:]
    var isFlushing = false
    /// Bytes written since the last flush began.
    var unflushedBytes: Int64 = 0

    var readers: [Int: ReaderState] = [:]
    var nextReader = 0
    /// Those that are open; each lets go of itself when its last bytes are written.
    var writers: [WriterCore] = []
    var isRemoved = false
    /// Why nothing more is written, and nothing more comes for readers.
    var end: StoreError?

    enum Storage {
        /// A small body: all of it, from its first byte.
        case memory([UInt8])
        /// On its way from memory to a file.
        case spilling([UInt8])
        case file
    }

    struct ReaderState {
        let wake: StoredBody.Wake
        /// The offset that it waits for.
        var waitsAt: Int64?
        /// A job prepares its next window.
        var isPreparing = false
        /// A job looks ahead of it.
        var isLookingAhead = false
        /// A window that was just prepared; it is believed to be in memory once.
        var prepared: Range<Int64>?
        /// Kept from its first read to its end, so that no eviction cuts it.
        var file: BodyFile?
        /// Why its next window could not be prepared.
        var failure: StoreError?
    }

    init(storage: Storage, held: ByteRangeSet = ByteRangeSet(), completeLength: Int64?) {
        self.storage = storage
        self.held = held
        self.verified = ByteRangeSet()
        self.completeLength = completeLength
    }

    var isComplete: Bool {
        guard let completeLength else { return false }
        return completeLength == 0 || held.contains(0..<completeLength)
    }

    /// All the bytes, where they are in memory.
    var content: [UInt8]? {
        switch storage {
        case .memory(let content), .spilling(let content): content
        case .file: nil
        }
    }

    var isInMemory: Bool {
        if case .memory = storage { return true }
        return false
    }

    var hasUnflushed: Bool { segments.values.contains { !$0.isFlushed } }

    /// Bytes became readable: the readers that wait for one of them.
    mutating func takeWakes(grown range: Range<Int64>) -> [StoredBody.Wake] {
        var wakes: [StoredBody.Wake] = []
        for (number, reader) in readers {
            guard let offset = reader.waitsAt, range.contains(offset) else { continue }
            readers[number]?.waitsAt = nil
            wakes.append(reader.wake)
        }
        return wakes
    }

    mutating func takeAllWakes() -> [StoredBody.Wake] {
        var wakes: [StoredBody.Wake] = []
        for (number, reader) in readers where reader.waitsAt != nil {
            readers[number]?.waitsAt = nil
            wakes.append(reader.wake)
        }
        return wakes
    }

    func hasWaiter(in range: Range<Int64>) -> Bool {
        readers.values.contains { $0.waitsAt.map(range.contains) ?? false }
    }
}
