// How a client's delivery reads a body that may still be written (architecture "Threads"): windows of at most
// 1 MiB whose pieces were checked (hardening 2.2 item 4) and whose pages are in memory. It never blocks: what
// is not ready is prepared by a disk thread, and the reader is woken.

import Resume
import Synchronization

/// What a reader gets.
package enum ReadResult: Sendable {
    /// Bytes of a body that is in memory.
    case bytes(ArraySlice<UInt8>)
    /// Checked bytes of a file, their pages in memory. The descriptor lives as long as this reader is open; it
    /// belongs to the store and must not be closed.
    case file(descriptor: Int32, range: Range<Int64>)
    /// A disk thread is at it; `wake` is called.
    case later
    /// Not held; `wake` is called when it is, and when the body changes its state.
    case missing
    /// Nothing comes at this offset any more.
    case failed(StoreError)
}

/// Reads one body. Used from one thread at a time. Holding it keeps the body's bytes on the disk.
package final class BodyReader: Sendable {
    private let body: StoredBody
    private let response: StoredResponse?
    private let number: Int
    private let isClosed = Atomic<Bool>(false)

    /// The most that one window has.
    private static let window: Int64 = 1 << 20

    init(body: StoredBody, response: StoredResponse?, number: Int) {
        self.body = body
        self.response = response
        self.number = number
    }

    deinit { close() }

    /// The bytes that stand at this offset; at most `atMost` of them, at least one where there are bytes.
    package func read(at offset: Int64, atMost: Int) -> ReadResult {
        if isClosed.load(ordering: .acquiring) { return .failed(StoreError(.gone, "The reader is closed.")) }
        let length = min(Int64(max(1, atMost)), Self.window)
        switch body.step(reader: number, at: offset, length: length) {
        case .bytes(let bytes):
            return .bytes(bytes)
        case .missing:
            body.tellWriters(readerWaitsAt: offset)
            return .missing
        case .preparing:
            return .later
        case .failed(let error):
            return .failed(error)
        case .prepare(let range):
            return later(range)
        case .window(let file, let range, let isPrepared, let ahead):
            if !isPrepared, file.isInMemory(range) != true {
                guard body.beginPreparing(reader: number) else { return .later }
                return later(range)
            }
            if let ahead { lookAhead(ahead) }
            return .file(descriptor: file.descriptor, range: range)
        }
    }

    /// The reader leaves.
    package func close() {
        guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        body.readerLeft(number)
    }

    private func later(_ range: Range<Int64>) -> ReadResult {
        let body = self.body
        let number = self.number
        let response = self.response
        body.services.pool.submit(in: body.queue) {
            body.prepare(range, for: number)
            withExtendedLifetime(response) {}
        }
        return .later
    }

    private func lookAhead(_ range: Range<Int64>) {
        let body = self.body
        let number = self.number
        let response = self.response
        body.services.pool.submit(in: body.queue) {
            body.lookAhead(range, for: number)
            withExtendedLifetime(response) {}
        }
    }
}

extension StoredBody {
    /// A reader. `wake` is called on any thread, and never under a lock of the store.
    package func openReader(wake: @escaping @Sendable () -> Void) -> BodyReader {
        let (response, number) = state.withLock { state in
            let number = state.nextReader
            state.nextReader += 1
            state.readers[number] = BodyState.ReaderState(wake: wake)
            return (state.response, number)
        }
        return BodyReader(body: self, response: response, number: number)
    }

    /// What a reader can do now.
    enum Step {
        case bytes(ArraySlice<UInt8>)
        case window(BodyFile, Range<Int64>, isPrepared: Bool, ahead: Range<Int64>?)
        case prepare(Range<Int64>)
        /// A job of this reader is under way already.
        case preparing
        case missing
        case failed(StoreError)
    }

    func step(reader number: Int, at offset: Int64, length: Int64) -> Step {
        state.withLock { state in
            state.giveFile(to: number)
            if let failure = state.readers[number]?.failure {
                state.readers[number]?.failure = nil
                return .failed(failure)
            }
            guard offset >= 0, let run = state.held.run(at: offset) else {
                if let end = state.end { return .failed(end) }
                state.readers[number]?.waitsAt = offset
                return .missing
            }
            let limit = min(run.upperBound, offset.addingSaturated(length))
            if let content = state.content {
                return .bytes(content[Int(offset)..<Int(min(limit, Int64(content.count)))])
            }
            let provedEnd = state.verified.runEnd(from: offset)
            guard provedEnd > offset, let file = state.readers[number]?.file else {
                if state.readers[number]?.isPreparing ?? true { return .preparing }
                state.readers[number]?.isPreparing = true
                return .prepare(offset..<limit)
            }
            let range = offset..<min(limit, provedEnd)
            let isPrepared = state.readers[number]?.prepared.map { $0.contains(offset) } ?? false
            state.readers[number]?.prepared = nil
            return .window(file, range, isPrepared: isPrepared, ahead: state.ahead(of: range, run: run, number))
        }
    }

    func tellWriters(readerWaitsAt offset: Int64) {
        for writer in state.withLock({ $0.writers }) { writer.readerWaits(at: offset) }
    }

    /// false where a job for this reader is already under way, which will wake it.
    func beginPreparing(reader number: Int) -> Bool {
        state.withLock { state in
            guard state.readers[number]?.isPreparing == false else { return false }
            state.readers[number]?.isPreparing = true
            return true
        }
    }

    func readerLeft(_ number: Int) {
        let removed = state.withLock { $0.readers.removeValue(forKey: number) }
        _ = consume removed
    }

    /// How long it takes until what failed is tried again, nanoseconds. After the last time the reader is told.
    private static let retryPauses: [Int64] = [100_000_000, 200_000_000, 400_000_000, 800_000_000]

    /// On a disk thread: checks a window, brings its pages into memory, and wakes the reader. Where that cannot be
    /// done now (the process has no further descriptor, the index is busy) it is tried again after a pause: a
    /// reader that was woken at once would only ask at once.
    func prepare(_ range: Range<Int64>, for number: Int, attempt: Int = 0) {
        guard state.withLock({ $0.readers[number] != nil }) else { return }
        var proved: Range<Int64>?
        var failure: StoreError?
        do throws(StoreError) {
            proved = try provedPart(of: range)
        } catch {
            let isLast = attempt >= Self.retryPauses.count || services.isClosed.load(ordering: .acquiring)
            if attempt == 0 || isLast { services.log(error.sentence + (isLast ? "." : "; it is tried again.")) }
            guard isLast else {
                return services.pool.submit(in: queue, after: Self.retryPauses[attempt]) {
                    self.prepare(range, for: number, attempt: attempt + 1)
                }
            }
            failure = error
        }
        if let proved, let file = state.withLock({ $0.file }), file.isInMemory(proved) != true {
            readIn(proved, from: file)
        }
        let wake = state.withLock { state in
            state.giveFile(to: number)
            state.readers[number]?.isPreparing = false
            state.readers[number]?.prepared = proved
            state.readers[number]?.failure = failure
            return state.readers[number]?.wake
        }
        wake?()
    }

    /// On a disk thread: the same for what a reader will want next. Nobody is woken.
    func lookAhead(_ range: Range<Int64>, for number: Int) {
        _ = try? provedPart(of: range)
        state.withLock { $0.readers[number]?.isLookingAhead = false }
    }
}

extension BodyState {
    /// A reader keeps the descriptor from its first read on: the file may lose its name at any time.
    fileprivate mutating func giveFile(to number: Int) {
        if let file, readers[number] != nil, readers[number]?.file == nil { readers[number]?.file = file }
    }

    /// What is held behind this window and not proved yet; nil where there is nothing, or a job is at it.
    fileprivate mutating func ahead(of range: Range<Int64>, run: Range<Int64>, _ number: Int) -> Range<Int64>? {
        let next = range.upperBound..<min(run.upperBound, range.upperBound.addingSaturated(1 << 20))
        guard !next.isEmpty, !verified.contains(next), readers[number]?.isLookingAhead == false else { return nil }
        readers[number]?.isLookingAhead = true
        return next
    }
}
