// The way of a fill's bytes into a body: collected in an aligned buffer, handed to a disk thread when the buffer
// is full, when a reader waits for them, or at the next tick. A writer that is dropped without `finish` leaves
// an incomplete body, never a complete one (invariant 5).

import Synchronization

/// What became of bytes that a writer accepted. Delivered on a disk thread.
package enum WriteProgress: Sendable, Equatable {
    /// All bytes below this offset that the writer accepted are written; so many are still to be.
    case written(upTo: Int64, unwritten: Int64)
    /// Nothing more is written. Delivered once.
    case failed(StoreError)
}

/// Writes one run of bytes into a body. Used from one thread at a time.
package final class BodyWriter: Sendable {
    private let core: WriterCore

    init(core: WriterCore) { self.core = core }

    deinit { core.end() }

    /// Accepts bytes; they are copied. After `finish` and after a failure they are ignored.
    package func append(_ bytes: UnsafeRawBufferPointer) { core.append(bytes) }

    package func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { core.append($0) } }

    /// Accepted and not yet written. Beyond 4 MiB the caller stops reading upstream (hardening 2.2 item 3).
    package var unwritten: Int64 { core.unwritten }

    /// The offset of the next byte.
    package var offset: Int64 { core.next }

    /// Hands over what is in the buffer.
    package func flush() { core.handOver() }

    /// Hands over what is in the buffer; nothing more comes.
    package func finish() { core.end() }
}

/// The shared part of a writer: its thread, the tick, and the disk threads.
final class WriterCore: Sendable {
    private let body: StoredBody
    /// The offset of its first byte.
    let start: Int64
    /// Where it is to end; nil: nobody knows, or at the end of the body.
    private let claimEnd: Int64?
    /// Keeps the response, and with it the body, from being let go.
    private let response: StoredResponse?
    private let onWritten: @Sendable (WriteProgress) -> Void
    private let state: Mutex<State>

    private struct State {
        /// The offset of the next byte that comes.
        var next: Int64
        /// Everything accepted below this is written.
        var written: Int64
        var buffer: WriteBuffer?
        var capacity = WriteBuffer.smallest
        var inFlight = 0
        /// Up to where room has been asked for.
        var reserved: Int64 = 0
        var isAnnounced = false
        var hasEnded = false
        var isFailed = false
    }

    init(
        body: StoredBody,
        response: StoredResponse?,
        offset: Int64,
        claimEnd: Int64?,
        onWritten: @escaping @Sendable (WriteProgress) -> Void
    ) {
        self.body = body
        self.response = response
        start = offset
        self.claimEnd = claimEnd
        self.onWritten = onWritten
        state = Mutex(State(next: offset, written: offset))
    }

    var unwritten: Int64 { state.withLock { $0.isFailed ? 0 : $0.next - $0.written } }
    var next: Int64 { state.withLock { $0.next } }

    func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let start = state.withLock { $0.hasEnded || $0.isFailed ? nil : $0.next }
        guard let start else { return }
        // Refused before anything is added to it: offsets come from foreign heads, and may be any number.
        guard start >= 0, start <= body.services.quota.largestBody else { return fail(StoredBody.tooLarge) }
        switch body.takeSmall(bytes, at: start) {
        case .taken:
            let end = start.addingSaturated(Int64(bytes.count))
            state.withLock { state in
                state.next = end
                state.written = end
            }
            body.services.pool.submit(in: body.queue) { self.onWritten(.written(upTo: end, unwritten: 0)) }
        case .failed(let error):
            fail(error)
        case .notSmall:
            collect(bytes)
        }
    }

    private func collect(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        let needsTick = state.withLock { state in
            // A disk thread may have failed it since the look above: then no buffer would ever be emptied.
            guard !state.isFailed else { return false }
            while !rest.isEmpty {
                let buffer = state.buffer ?? body.services.buffers.take(capacity: state.capacity, at: state.next)
                state.buffer = buffer
                let taken = buffer.append(rest)
                state.next += Int64(taken)
                rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
                if buffer.isFull {
                    submit(&state)
                    state.capacity = min(WriteBuffer.largest, state.capacity * 4)
                }
            }
            submitIfAwaited(&state)
            defer { if state.buffer != nil { state.isAnnounced = true } }
            return state.buffer != nil && !state.isAnnounced
        }
        if needsTick { body.services.mailbox.buffered(self) }
    }

    /// The tick, some 40 ms after the first byte came into the buffer (hardening 2.2 item 3).
    func tick() {
        state.withLock { state in
            state.isAnnounced = false
            guard state.buffer != nil else { return }
            submit(&state)
            state.capacity = max(WriteBuffer.smallest, state.capacity / 4)
        }
    }

    /// A reader waits for this byte, which may be in the buffer already.
    func readerWaits(at offset: Int64) {
        state.withLock { state in
            guard let buffer = state.buffer, state.inFlight == 0 else { return }
            if offset >= buffer.offset, offset < state.next { submit(&state) }
        }
    }

    func handOver() { state.withLock { submit(&$0) } }

    /// The last buffer goes out, then the body learns that this writer is gone.
    func end() {
        let isFirst = state.withLock { state in
            guard !state.hasEnded else { return false }
            state.hasEnded = true
            submit(&state)
            return true
        }
        guard isFirst else { return }
        let body = self.body
        body.services.pool.submit(in: body.queue) { body.writerEnded(self, self.response) }
    }

    // MARK: Under the lock

    /// One piece at a time while a reader waits: what comes meanwhile is collected and goes out together.
    private func submitIfAwaited(_ state: inout State) {
        guard let buffer = state.buffer, state.inFlight == 0 else { return }
        if body.hasWaiter(in: buffer.offset..<state.next) { submit(&state) }
    }

    /// The order of the buffers is the order of the jobs: the lock is held until the job is in the queue.
    private func submit(_ state: inout State) {
        guard let buffer = state.buffer, buffer.count > 0, !state.isFailed else { return }
        state.buffer = nil
        state.inFlight += 1
        body.services.pool.submit(in: body.queue) { self.write(buffer) }
    }

    // MARK: On a disk thread

    private func write(_ buffer: WriteBuffer) {
        let end = buffer.offset + Int64(buffer.count)
        do throws(StoreError) {
            try reserve(buffer.offset..<end)
            try body.write(buffer.bytes, at: buffer.offset)
        } catch {
            body.services.buffers.giveBack(buffer)
            if error.kind == .disk { body.services.health.failed(error) }
            fail(error)
            return
        }
        body.services.buffers.giveBack(buffer)
        let progress = state.withLock { state -> WriteProgress? in
            state.inFlight -= 1
            state.written = end
            guard !state.isFailed else { return nil }
            submitIfAwaited(&state)
            return .written(upTo: end, unwritten: state.next - end)
        }
        if let progress { onWritten(progress) }
    }

    private func reserve(_ range: Range<Int64>) throws(StoreError) {
        let reserved = state.withLock { $0.reserved }
        guard range.upperBound > reserved else { return }
        let end = try body.reserve(max(range.lowerBound, reserved)..<range.upperBound, for: self, claimEnd: claimEnd)
        state.withLock { $0.reserved = end }
    }

    /// The room that it has in reserve. On a disk thread.
    var window: Range<Int64> { state.withLock { $0.written..<max($0.written, $0.reserved) } }

    private func fail(_ error: StoreError) {
        let isFirst = state.withLock { state in
            defer {
                state.isFailed = true
                state.buffer = nil
            }
            return !state.isFailed
        }
        guard isFirst else { return }
        body.services.pool.submit(in: body.queue) { self.onWritten(.failed(error)) }
    }
}

extension StoredBody {
    /// A writer whose next byte has this offset, and that is to end before `end`, where that is known: no room is asked for
    /// beyond. It always comes; what it is refused, its first bytes tell.
    package func openWriter(
        at offset: Int64,
        before end: Int64? = nil,
        onWritten: @escaping @Sendable (WriteProgress) -> Void
    ) -> BodyWriter {
        let (response, spills) = state.withLock { state in
            // Bytes from elsewhere than the end of what is in memory: this is no small body (item 1 of "Storage").
            let spills = offset != Int64(state.content?.count ?? 0) && state.beginSpill()
            return (state.response, spills)
        }
        if spills { submitSpill() }
        let core = WriterCore(
            body: self,
            response: response,
            offset: offset,
            claimEnd: end,
            onWritten: onWritten
        )
        state.withLock { $0.writers.append(core) }
        return BodyWriter(core: core)
    }

    func hasWaiter(in range: Range<Int64>) -> Bool {
        state.withLock { $0.hasWaiter(in: range) }
    }

    /// On a disk thread, after the last bytes of a writer. What was cut short goes to a file.
    func writerEnded(_ writer: WriterCore, _ response: StoredResponse?) {
        // Before it is let go: as long as it is there, the body is in use, and nobody loads it anew beside this job.
        giveBackReserve(of: writer)
        let (spills, completes) = state.withLock { state -> (Bool, Bool) in
            state.writers.removeAll { $0 === writer }
            guard state.writers.isEmpty, state.isInMemory else { return (false, false) }
            if state.isComplete { return (false, true) }
            return (state.beginSpill(), false)
        }
        if spills { spill() }
        if completes, let response { services.mailbox.changed(response, bytes: 0) }
    }
}
