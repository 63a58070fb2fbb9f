// The aligned buffers in which a writer collects bytes until they are written (swift-notes 3: aligned pieces of
// up to 1 MiB from buffers that are used again; never socket-sized ones). Buffers start small, so that many slow
// downloads do not take a megabyte each.

import Glibc
import Synchronization

/// Bytes that are to be written, in one piece.
final class WriteBuffer: @unchecked Sendable {
    // One thread at a time: a writer fills it under its lock and hands it to one job.
    static let smallest = 64 << 10
    static let largest = 1 << 20

    private let start: UnsafeMutableRawPointer
    let capacity: Int
    /// The offset in the body of the first byte.
    var offset: Int64 = 0
    private(set) var count = 0
    /// How many bytes it may take: it ends at a multiple of its capacity in the body.
    private(set) var limit = 0

    fileprivate init(capacity: Int) {
        self.capacity = capacity
        start = .allocate(byteCount: capacity, alignment: 4096)
    }

    deinit { start.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
    var isFull: Bool { count >= limit }

    fileprivate func begin(at offset: Int64) {
        self.offset = offset
        count = 0
        limit = capacity - Int(offset % Int64(capacity))
    }

    /// Copies as much as fits; how much that was.
    func append(_ more: UnsafeRawBufferPointer) -> Int {
        let taken = min(more.count, limit - count)
        guard taken > 0, let source = more.baseAddress else { return 0 }
        (start + count).copyMemory(from: source, byteCount: taken)
        count += taken
        return taken
    }
}

/// Keeps a few of the largest buffers for the next use.
final class BufferPool: Sendable {
    private let idle = Mutex<[WriteBuffer]>([])
    private static let kept = 8

    func take(capacity: Int, at offset: Int64) -> WriteBuffer {
        let buffer =
            capacity == WriteBuffer.largest
            ? idle.withLock { $0.popLast() } ?? WriteBuffer(capacity: capacity) : WriteBuffer(capacity: capacity)
        buffer.begin(at: offset)
        return buffer
    }

    func giveBack(_ buffer: WriteBuffer) {
        guard buffer.capacity == WriteBuffer.largest else { return }
        idle.withLock { if $0.count < Self.kept { $0.append(buffer) } }
    }
}
