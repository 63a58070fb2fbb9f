// A blocking TCP socket on loopback, as a scripted peer needs it: it says exactly what it is told to, and
// sees how the other side ends. Every wait has a limit, so that a failing test fails and does not hang.

import Glibc

/// How a connection ended, as its peer sees it.
enum Ending: Equatable {
    case closed
    case reset
}

struct SocketError: Error {
    let call: String
    let code: CInt
}

final class RawSocket: Sendable {
    let descriptor: CInt

    init(descriptor: CInt) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { Glibc.close(descriptor) }

    /// - Parameter receiveBuffer: bytes that the kernel may hold for this side; nil leaves it to the kernel.
    static func connect(port: Int, receiveBuffer: CInt? = nil) throws -> RawSocket {
        let socket = RawSocket(descriptor: try makeSocket())
        if var size = receiveBuffer {
            setsockopt(socket.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        }
        let result = withLoopbackAddress(port: port) { Glibc.connect(socket.descriptor, $0, $1) }
        guard result == 0 else { throw SocketError(call: "connect", code: errno) }
        return socket
    }

    /// - Returns: a listening socket and its port.
    static func listen() throws -> (RawSocket, port: Int) {
        let socket = RawSocket(descriptor: try makeSocket())
        guard withLoopbackAddress(port: 0, { bind(socket.descriptor, $0, $1) }) == 0 else {
            throw SocketError(call: "bind", code: errno)
        }
        guard Glibc.listen(socket.descriptor, 64) == 0 else { throw SocketError(call: "listen", code: errno) }
        var bytes = [UInt8](repeating: 0, count: 16)
        var size = socklen_t(16)
        bytes.withUnsafeMutableBytes { raw in
            if let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) {
                _ = getsockname(socket.descriptor, address, &size)
            }
        }
        return (socket, port: Int(bytes[2]) << 8 | Int(bytes[3]))
    }

    func accept() throws -> RawSocket {
        let accepted = Glibc.accept(descriptor, nil, nil)
        guard accepted >= 0 else { throw SocketError(call: "accept", code: errno) }
        return RawSocket(descriptor: accepted)
    }

    func send(_ text: String) throws {
        try send(bytes: Array(text.utf8))
    }

    func send(bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Glibc.send(
                    descriptor,
                    UnsafeRawBufferPointer(rebasing: raw[sent...]).baseAddress,
                    bytes.count - sent,
                    CInt(MSG_NOSIGNAL)
                )
            }
            guard count > 0 else { throw SocketError(call: "send", code: errno) }
            sent += count
        }
    }

    /// At most so many bytes; empty at the end.
    func receive(upTo count: Int = 65_536) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = bytes.withUnsafeMutableBytes { Glibc.recv(descriptor, $0.baseAddress, count, 0) }
        guard got >= 0 else { throw SocketError(call: "recv", code: errno) }
        return Array(bytes[..<got])
    }

    /// Byte by byte, so that nothing beyond the text is taken.
    func receive(until end: String) throws -> String {
        var bytes: [UInt8] = []
        let end = Array(end.utf8)
        while bytes.suffix(end.count) != end[...] {
            let next = try receive(upTo: 1)
            guard !next.isEmpty else {
                throw SocketError(call: "end of connection after: \(String(decoding: bytes, as: UTF8.self))", code: 0)
            }
            bytes += next
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A head up to its empty line.
    func receiveHead() throws -> String { try receive(until: "\r\n\r\n") }

    func receive(exactly count: Int) throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let next = try receive(upTo: count - bytes.count)
            guard !next.isEmpty else { throw SocketError(call: "end of connection", code: 0) }
            bytes += next
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Everything up to the end.
    func receiveAll() -> (text: String, bytes: Int, ending: Ending) {
        var bytes: [UInt8] = []
        while true {
            do {
                let next = try receive()
                if next.isEmpty { return (String(decoding: bytes, as: UTF8.self), bytes.count, .closed) }
                bytes += next
            } catch {
                return (String(decoding: bytes, as: UTF8.self), bytes.count, .reset)
            }
        }
    }

    /// Ends the sending side only.
    func endSending() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// Ends both sides; the descriptor stays until the object goes.
    func close() {
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// Breaks the connection, so that the other side sees a reset.
    func reset() {
        var lingering = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
        // Closing is what resets, so the descriptor is given to a socket that nobody uses.
        let unused = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        dup2(unused, descriptor)
        Glibc.close(unused)
    }

    private static func makeSocket() throws -> CInt {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SocketError(call: "socket", code: errno) }
        return descriptor
    }

    /// 127.0.0.1 as the bytes of a sockaddr_in.
    private static func withLoopbackAddress(
        port: Int,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var bytes: [UInt8] = [0, 0, UInt8(port >> 8 & 255), UInt8(port & 255), 127, 0, 0, 1]
        bytes += [UInt8](repeating: 0, count: 8)
        return bytes.withUnsafeMutableBytes { raw in
            raw.storeBytes(of: sa_family_t(AF_INET), as: sa_family_t.self)
            guard let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return body(address, 16)
        }
    }
}
