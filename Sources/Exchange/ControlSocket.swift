// The unix socket in the cache directory, as a stream of lines: names longer than a socket address holds, lines of
// bounded length, the identity of who is at the other end. It knows no request.

import Glibc

/// Why a socket call failed, as a sentence.
package struct ControlFailure: Error, Sendable {
    /// Nobody listens there.
    package let isAbsent: Bool
    /// The other end went in the middle of its answer.
    package let isCutShort: Bool
    package let sentence: String

    init(_ sentence: String, isAbsent: Bool = false, isCutShort: Bool = false) {
        self.sentence = sentence
        self.isAbsent = isAbsent
        self.isCutShort = isCutShort
    }

    static func system(_ attempt: String, _ code: Int32) -> ControlFailure {
        ControlFailure(
            "\(attempt): \(String(cString: strerror(code)))",
            isAbsent: code == ENOENT || code == ECONNREFUSED || code == ENOTDIR
        )
    }
}

enum ControlSocket {
    static let name = "control.sock"

    static func make() throws(ControlFailure) -> Int32 {
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system("A socket could not be made", errno) }
        return descriptor
    }

    /// Calls `body` with the address of the directory's socket; its result is what the system call returned.
    ///
    /// An address holds 107 bytes. A longer path is reached through an open descriptor of its directory.
    static func withAddress(
        in directory: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(ControlFailure) -> Int32 {
        let path = directory + "/" + name
        if let result = call(path, body) { return result }
        let opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw .system("The directory \(directory) could not be opened", errno) }
        defer { close(opened) }
        guard let result = call("/proc/self/fd/\(opened)/\(name)", body) else {
            throw ControlFailure("The path \(path) is too long for a socket.")
        }
        return result
    }

    /// nil where the path does not fit into an address.
    private static func call(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < capacity else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// Whether the other end runs as this user or as root. Its numbers are from the moment when it connected.
    static func isTrusted(_ descriptor: Int32) -> Bool {
        // struct ucred: process, user, group; Glibc's module leaves it out.
        var credentials: (process: Int32, user: UInt32, group: UInt32) = (0, .max, .max)
        var size = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else { return false }
        return credentials.user == geteuid() || credentials.user == 0
    }

    static func setTimeouts(_ descriptor: Int32, receiveSeconds: Int, sendSeconds: Int) {
        var receive = timeval(tv_sec: receiveSeconds, tv_usec: 0)
        var send = timeval(tv_sec: sendSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &receive, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &send, size)
    }

    /// false where the other end is gone, or does not read.
    static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { whole in
                Glibc.send(
                    descriptor,
                    whole.baseAddress.map { $0 + sent },
                    whole.count - sent,
                    CInt(MSG_NOSIGNAL)
                )
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}

/// Lines off a descriptor, each without its line feed.
struct ControlLines {
    private let descriptor: Int32
    private let limit: Int
    private var buffer: [UInt8] = []
    /// Where the next line begins, and up to where no line feed was found.
    private var start = 0
    private var scanned = 0

    /// - Parameter limit: bytes of the longest line that is read.
    init(descriptor: Int32, limit: Int) {
        self.descriptor = descriptor
        self.limit = limit
    }

    /// So many bytes that follow a line; nil where they do not come.
    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= limit else { return nil }
        while buffer.count - start < count {
            guard readMore() else { return nil }
        }
        let bytes = Array(buffer[start..<start + count])
        start += count
        scanned = start
        return bytes
    }

    /// nil where the stream ends, a line is too long, or nothing comes in time.
    mutating func next() -> [UInt8]? {
        while true {
            if let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffer[start..<end])
                start = end + 1
                scanned = start
                return line
            }
            guard buffer.count - start <= limit, readMore() else { return nil }
        }
    }

    /// What was handed out is let go of, and more is read; false where nothing comes.
    private mutating func readMore() -> Bool {
        buffer.removeFirst(start)
        start = 0
        scanned = buffer.count
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = chunk.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            buffer += chunk[..<count]
            return true
        }
    }
}
