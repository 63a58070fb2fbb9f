// One TCP socket of a peer: blocking for its thread, bounded by a deadline, never raising SIGPIPE.
//
// It knows IPv4 on loopback and nothing of HTTP. Reading answers with what the kernel says: bytes, an orderly end,
// or a reset, because the difference between the last two is what many tests are about.

import Glibc

/// What one read from a socket brought.
enum Arrival {
    case bytes(Int)
    case end
    case reset
}

/// A connected or listening socket; closed when it is released.
///
/// `@unchecked`: the descriptor is constant; whether it is still open is behind a monitor.
final class PeerSocket: @unchecked Sendable {
    let descriptor: Int32
    private let isOpen = Monitor(true)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        setOption(tcpLevel, TCP_NODELAY, 1)
    }

    deinit { close() }

    /// Listens on an address of the loopback net; port 0 takes a free one.
    static func listening(address: String, port: UInt16) throws -> PeerSocket {
        let made = PeerSocket(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        if made.descriptor < 0 { throw PeerFailure(call: "socket") }
        made.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
        var name = try socketAddress(address, port)
        if withSocketPointer(&name, { bind(made.descriptor, $0, $1) }) != 0 {
            throw PeerFailure(call: "bind to \(address):\(port)")
        }
        if listen(made.descriptor, 1024) != 0 { throw PeerFailure(call: "listen on \(address):\(port)") }
        return made
    }

    /// - Parameter source: a loopback address to connect from; nil: the kernel's choice.
    static func connected(
        address: String,
        port: UInt16,
        from source: String? = nil,
        within seconds: Double
    ) throws -> PeerSocket {
        let made = PeerSocket(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        if made.descriptor < 0 { throw PeerFailure(call: "socket") }
        if let source {
            var own = try socketAddress(source, 0)
            if withSocketPointer(&own, { bind(made.descriptor, $0, $1) }) != 0 {
                throw PeerFailure(call: "bind to \(source)")
            }
        }
        var name = try socketAddress(address, port)
        if withSocketPointer(&name, { connect(made.descriptor, $0, $1) }) == 0 { return made }
        if errno != EINPROGRESS { throw PeerFailure(call: "connect to \(address):\(port)") }
        try made.wait(for: POLLOUT, "a connection to \(address):\(port)", PeerDeadline(seconds: seconds))
        var failure: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(made.descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
        if failure != 0 { throw PeerFailure(call: "connect to \(address):\(port)", errorNumber: failure) }
        return made
    }

    /// Waits for a connection; nil after `wake`, which a stopping origin calls.
    func accepted() -> PeerSocket? {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = poll(&entry, 1, -1)
            if count < 0 && errno == EINTR { continue }
            if entry.revents & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 { return nil }
            let taken = accept(descriptor, nil, nil)
            if taken >= 0 { return PeerSocket(descriptor: taken) }
            if errno != EAGAIN && errno != EINTR && errno != ECONNABORTED { return nil }
        }
    }

    var localPort: UInt16 {
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return UInt16(bigEndian: name.sin_port)
    }

    /// Reads what is there, at most the buffer's size; waits for the first byte.
    func receive(into buffer: UnsafeMutableRawBufferPointer, within seconds: Double) throws -> Arrival {
        let deadline = PeerDeadline(seconds: seconds)
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN: try wait(for: POLLIN, "bytes from the other side", deadline)
            case ECONNRESET, EPIPE: return .reset
            default: throw PeerFailure(call: "recv")
            }
        }
    }

    /// Writes all bytes; the deadline counts anew whenever some were taken.
    func send(_ bytes: UnsafeRawBufferPointer, within seconds: Double) throws {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let count = Glibc.send(descriptor, start, rest.count, Int32(MSG_NOSIGNAL))
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, "room for \(rest.count) bytes to send", PeerDeadline(seconds: seconds))
            } else if errno != EINTR {
                throw PeerFailure(call: "send")
            }
        }
    }

    /// True once the other side has closed, half-closed or reset; reads nothing.
    func waitForPeerToLeave(within seconds: Double) throws {
        let deadline = PeerDeadline(seconds: seconds)
        while true {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK))
            if count == 0 || (count < 0 && errno == ECONNRESET) { return }
            if count > 0 { throw PeerFailure("the other side sent bytes instead of leaving") }
            try wait(for: POLLIN, "the other side to leave", deadline)
        }
    }

    /// Ends the sending direction: the other side sees FIN and may still send.
    func shutdownSending() {
        isOpen.withLock { if $0 { shutdown(descriptor, Int32(SHUT_WR)) } }
    }

    /// Wakes whoever is blocked on this socket, without freeing the descriptor's number.
    func wake() {
        // A number that was freed may already be another socket's.
        isOpen.withLock { if $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    func close() {
        // Within the lock: nobody may look at the number between the end of its being ours and its being freed.
        isOpen.withLock { open in
            if open { _ = Glibc.close(descriptor) }
            open = false
        }
    }

    /// Closes with a RST instead of a FIN: SO_LINGER with time 0.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func setOption(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private func wait(for event: Int32, _ what: String, _ deadline: PeerDeadline) throws {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let count = poll(&entry, 1, deadline.remainingMilliseconds)
            if count > 0 { return }
            if count == 0 { throw PeerFailure("waited in vain for \(what)", isTimeout: true) }
            if errno != EINTR { throw PeerFailure(call: "poll") }
        }
    }
}

private let tcpLevel = Int32(IPPROTO_TCP)

private func socketAddress(_ address: String, _ port: UInt16) throws -> sockaddr_in {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    if inet_pton(AF_INET, address, &name.sin_addr) != 1 { throw PeerFailure("not an IPv4 address: \(address)") }
    return name
}

private func withSocketPointer(
    _ name: inout sockaddr_in,
    _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    withUnsafePointer(to: &name) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            call($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
