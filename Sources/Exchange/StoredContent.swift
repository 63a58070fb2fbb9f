// The bytes of a stored response from the first to the last, in order: for a copy, and for a digest. Read through a
// BodyReader, so that only checked pieces come out. It blocks while the disk does: never on a loop.

import Digests
import Glibc
import HTTPSemantics
import Resume
import Store
import Synchronization

enum StoredContent {
    /// What a person may have of a stored response: the whole, or, where its length is not known, what is held from the
    /// first byte on. nil where bytes are missing.
    static func length(of response: StoredResponse) -> Int64? {
        let body = response.body
        if let completeLength = body.completeLength { return body.isComplete ? completeLength : nil }
        return body.held.runEnd(from: 0)
    }

    /// Hands over the bytes in order, at most 1 MiB at a time, until `receive` returns false. Blocking.
    static func read(
        _ response: StoredResponse,
        from start: Int64 = 0,
        to length: Int64,
        _ receive: (UnsafeRawBufferPointer) -> Bool
    ) throws(StoreError) {
        let woken = Woken()
        let reader = response.body.openReader { woken.wake() }
        defer { reader.close() }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = start
        while offset < length {
            let before = woken.count
            switch reader.read(at: offset, atMost: Int(min(length - offset, 1 << 20))) {
            case .bytes(let bytes):
                guard bytes.withUnsafeBytes({ receive($0) }) else { return }
                offset += Int64(bytes.count)
            case .file(let descriptor, let range):
                let count = Int(min(range.upperBound - range.lowerBound, Int64(buffer.count)))
                let got = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { throw StoreError(.disk, "What is held could not be read") }
                let goesOn = buffer.withUnsafeBytes { receive(UnsafeRawBufferPointer(rebasing: $0.prefix(got))) }
                guard goesOn else { return }
                offset += Int64(got)
            case .later:
                woken.wait(beyond: before)
            case .missing:
                throw StoreError(.gone, "What was held is held no longer: a piece was damaged")
            case .failed(let error):
                throw error
            }
        }
    }

    /// The SHA-256 of all of it, on a thread of its own.
    static func digest(
        of response: StoredResponse,
        _ completion: @escaping @Sendable (Result<String, StoreError>) -> Void
    ) {
        let isStarted = ControlThread.start {
            do throws(StoreError) {
                guard let length = length(of: response) else { throw StoreError(.gone, "It is no longer held") }
                var running = RunningDigest(.sha256)
                try read(response, to: length) { bytes in
                    running.update(bytes)
                    return true
                }
                completion(.success(DigestValue(.sha256, running.bytes)?.hexadecimal ?? ""))
            } catch {
                completion(.failure(error))
            }
        }
        if !isStarted { completion(.failure(StoreError(.disk, "The system gives no thread for a digest"))) }
    }

    private final class Woken: Sendable {
        private let condition = LogCondition()
        private let number = Mutex(0)

        var count: Int { number.withLock { $0 } }

        func wake() {
            condition.lock()
            number.withLock { $0 += 1 }
            condition.broadcast()
            condition.unlock()
        }

        func wait(beyond seen: Int) {
            condition.lock()
            defer { condition.unlock() }
            while count <= seen { condition.wait(until: nil) }
        }
    }
}
