// Where log lines end: a descriptor that is open already, or a file of bounded size with its predecessors beside it.
// It blocks as long as the disk or the reader of a pipe does; only the spool's thread may call it.

import Glibc

/// Standard output or standard error.
package struct DescriptorSink: LogSink {
    private let descriptor: Int32

    package init(descriptor: Int32) { self.descriptor = descriptor }

    package func write(_ lines: [UInt8]) throws(LogWriteFailure) {
        try LogWriting.all(lines, to: descriptor)
    }

    package func close() {}
}

/// A file that is renamed to `FILE.1` when it has its size, `FILE.1` to `FILE.2`, and so on; the oldest goes (R101).
package final class RotatingFileSink: LogSink, @unchecked Sendable {
    private let path: String
    private let maxSize: Int64
    private let kept: Int
    // Touched by the spool's thread only.
    private var descriptor: Int32
    private var size: Int64

    /// - Parameter maxSize: bytes; a file passes it by at most one batch of lines.
    package init(path: String, maxSize: Int64, kept: Int = 5) throws(LogWriteFailure) {
        self.path = path
        self.maxSize = maxSize
        self.kept = kept
        descriptor = Self.open(path)
        guard descriptor >= 0 else { throw LogWriteFailure(code: errno) }
        size = Self.size(of: descriptor)
    }

    package func write(_ lines: [UInt8]) throws(LogWriteFailure) {
        if size > 0, size + Int64(lines.count) > maxSize { rotate() }
        // After a rotation that found no room, or a directory that was away: the next lines try again.
        if descriptor < 0 {
            descriptor = Self.open(path)
            guard descriptor >= 0 else { throw LogWriteFailure(code: errno) }
            size = Self.size(of: descriptor)
        }
        defer { size = Self.size(of: descriptor) }
        try LogWriting.all(lines, to: descriptor)
    }

    package func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    private func rotate() {
        close()
        unlink("\(path).\(kept)")
        for number in stride(from: kept - 1, through: 1, by: -1) {
            rename("\(path).\(number)", "\(path).\(number + 1)")
        }
        rename(path, "\(path).1")
    }

    private static func open(_ path: String) -> Int32 {
        // The file holds URLs: nobody else's to read.
        Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    }

    private static func size(of descriptor: Int32) -> Int64 {
        var status = stat()
        // A pipe or a device has no size, and is not rotated.
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return 0 }
        return Int64(status.st_size)
    }
}

enum LogWriting {
    /// Writes all, or throws; what was written until then stays.
    static func all(_ bytes: [UInt8], to descriptor: Int32) throws(LogWriteFailure) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { whole in
                Glibc.write(descriptor, whole.baseAddress.map { $0 + written }, whole.count - written)
            }
            if count >= 0 {
                written += count
                continue
            }
            let code = errno
            if code == EINTR { continue }
            guard code == EAGAIN else { throw LogWriteFailure(code: code) }
            // Standard output may be shared with a program that made it non-blocking.
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&ready, 1, 1000)
        }
    }
}
