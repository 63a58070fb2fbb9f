// One TCP socket, blocking for its thread. It knows addresses and bytes, and nothing of HTTP.

import Glibc
import Synchronization

/// A system call that failed, in words.
package struct LabFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ sentence: String) {
        description = sentence
    }

    init(call: String) {
        description = "\(call): \(String(cString: strerror(errno)))"
    }
}

/// A connected or listening socket; closed when it is released.
final class LabSocket: Sendable {
    let descriptor: Int32
    private let isOpen = Mutex(true)

    private init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    deinit { close() }

    /// Listens on `127.0.0.1:9000` or `[::1]:9000`; port 0 takes a free one.
    static func listening(_ address: String) throws -> LabSocket {
        let (host, port) = try split(address)
        return try first(of: host, port, flags: AI_PASSIVE | AI_NUMERICHOST) { made, name, length in
            made.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
            if bind(made.descriptor, name, length) != 0 { throw LabFailure(call: "listen on \(address)") }
            if listen(made.descriptor, 1024) != 0 { throw LabFailure(call: "listen on \(address)") }
        }
    }

    static func connected(host: String, port: String) throws -> LabSocket {
        try first(of: host, port, flags: 0) { made, name, length in
            if connect(made.descriptor, name, length) != 0 { throw LabFailure(call: "connect to \(host):\(port)") }
        }
    }

    /// `host:port`, the host in brackets where it has colons.
    static func split(_ address: String) throws -> (host: String, port: String) {
        guard let colon = address.lastIndex(of: ":") else {
            throw LabFailure("An address is HOST:PORT, such as 127.0.0.1:9000: \(address)")
        }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return (String(host), String(address[address.index(after: colon)...]))
    }

    private static func first(
        of host: String,
        _ port: String,
        flags: Int32,
        _ use: (LabSocket, UnsafePointer<sockaddr>, socklen_t) throws -> Void
    ) throws -> LabSocket {
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &list)
        guard code == 0 else { throw LabFailure("\(host): \(String(cString: gai_strerror(code)))") }
        defer { freeaddrinfo(list) }
        var failure: any Error = LabFailure("\(host) has no address")
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            guard let name = entry.ai_addr else { continue }
            let number = socket(entry.ai_family, Int32(SOCK_STREAM.rawValue), 0)
            if number < 0 { throw LabFailure(call: "socket") }
            let made = LabSocket(descriptor: number)
            do {
                try use(made, name, entry.ai_addrlen)
                return made
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Whether a client, or the end of listening, came within so many seconds; nil waits for ever.
    func waitForClient(seconds: Double?) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, seconds.map { Int32(clamping: Int64($0 * 1000) + 1) } ?? -1) > 0
    }

    /// The next connection and its client's address; nil once the listener was woken or closed.
    func accepted() -> (LabSocket, client: String)? {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let number = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept(descriptor, $0, &length) }
            }
            if number >= 0 { return (LabSocket(descriptor: number), Self.text(&storage, length).host) }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: usleep(10_000)
            default: return nil
            }
        }
    }

    /// The own address, as `127.0.0.1:9000`.
    var localAddress: String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        let (host, port) = Self.text(&storage, length)
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func text(_ storage: inout sockaddr_storage, _ length: socklen_t) -> (host: String, port: String) {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var port = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        _ = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getnameinfo(
                    $0,
                    length,
                    &host,
                    socklen_t(host.count),
                    &port,
                    socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV
                )
            }
        }
        func string(_ text: [CChar]) -> String {
            String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return (string(host), string(port))
    }

    /// Reads what is there, at most the buffer's size; 0 at the end of the connection, nil where it broke.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            if errno != EINTR { return nil }
        }
    }

    /// Writes all bytes; says how many were taken, which are fewer only where the connection broke.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        var sent = 0
        while sent < bytes.count, let start = bytes.baseAddress?.advanced(by: sent) {
            let count = Glibc.send(descriptor, start, bytes.count - sent, Int32(MSG_NOSIGNAL))
            if count > 0 {
                sent += count
            } else if errno != EINTR {
                break
            }
        }
        return sent
    }

    /// Writes a text; false where the connection broke.
    func send(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { send($0) == $0.count }
    }

    /// Waits so long, or until the other side has left; false then. A client that ends only its sending direction
    /// counts as one that left: none does so before it has its answer.
    func nap(seconds: Double) -> Bool {
        let end = steadyNanoseconds() + Int64(seconds * 1e9)
        while true {
            let left = end - steadyNanoseconds()
            if left <= 0 { return true }
            var entry = pollfd(fd: descriptor, events: hangUp, revents: 0)
            let count = poll(&entry, 1, Int32(clamping: (left + 999_999) / 1_000_000))
            if count > 0 { return false }
        }
    }

    /// Waits until all that was sent has been acknowledged, at most a second.
    func waitUntilTaken() {
        for _ in 0..<500 {
            var waiting: Int32 = 0
            // SIOCOUTQ is the terminal's TIOCOUTQ.
            if ioctl(descriptor, UInt(TIOCOUTQ), &waiting) != 0 || waiting == 0 { return }
            usleep(2_000)
        }
    }

    /// Ends the sending direction, and reads on for at most a second: bytes that nobody has read would turn the
    /// orderly end into a reset.
    func end() {
        let wasOpen = isOpen.withLock { open in
            if open { _ = shutdown(descriptor, Int32(SHUT_WR)) }
            return open
        }
        // After a reset the number may already be another socket's.
        guard wasOpen else { return }
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { memory in
            for _ in 0..<64 {
                var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                guard poll(&entry, 1, 1000) > 0, let count = receive(into: memory), count > 0 else { break }
            }
        }
        close()
    }

    /// Wakes whoever is blocked on this socket.
    func wake() {
        // Within the lock: a number that was freed may already be another socket's.
        isOpen.withLock { if $0 { _ = shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    func close() {
        isOpen.withLock { open in
            if open { _ = Glibc.close(descriptor) }
            open = false
        }
    }

    /// Closes with a RST instead of a FIN.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    private func setOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

/// POLLRDHUP, which the C library shows to few.
private let hangUp: Int16 = 0x2000
