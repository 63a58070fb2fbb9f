// The control socket of a running proxy. It listens with threads of its own, so that a command that lists a million
// entries to a slow terminal holds up nothing; how many there are at once is bounded.

import FoundationEssentials
import Glibc
import Synchronization

/// Answers commands over the unix socket in the cache directory.
package final class ControlServer: Sendable {
    private let listener: Int32
    private let desk: ControlDesk
    private let directory: String
    private let connections = Atomic<Int>(0)
    private let isStopping = Atomic<Bool>(false)

    /// A request names URLs, each of at most 16 KiB.
    private static let requestLimit = 1 << 20
    private static let connectionLimit = 8

    private init(listener: Int32, desk: ControlDesk, directory: String) {
        self.listener = listener
        self.desk = desk
        self.directory = directory
    }

    /// Begins to answer. Who calls this holds the directory's lock, so that a socket that lies there is a dead one.
    package static func start(directory: String, desk: ControlDesk) throws(ControlFailure) -> ControlServer {
        let path = directory + "/" + ControlSocket.name
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else { throw ControlFailure("\(path) is not a socket of ours.") }
            unlink(path)
        }
        let listener = try ControlSocket.make()
        do throws(ControlFailure) {
            let bound = try ControlSocket.withAddress(in: directory) { bind(listener, $0, $1) }
            guard bound == 0 else { throw .system("\(path) could not be made", errno) }
            // The directory is 0700 already (R100).
            guard chmod(path, 0o600) == 0 else { throw .system("The rights of \(path) could not be set", errno) }
            guard listen(listener, 16) == 0 else { throw .system("\(path) cannot be listened on", errno) }
            let server = ControlServer(listener: listener, desk: desk, directory: directory)
            guard ControlThread.start({ server.accept() }) else {
                throw ControlFailure("A thread for the control socket could not be started.")
            }
            return server
        } catch {
            close(listener)
            throw error
        }
    }

    /// Takes no more commands; those under way have a second to end.
    package func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        unlink(directory + "/" + ControlSocket.name)
        shutdown(listener, CInt(SHUT_RDWR))
        var waited = 0
        while connections.load(ordering: .sequentiallyConsistent) > 0, waited < 100 {
            usleep(10_000)
            waited += 1
        }
    }

    private func accept() {
        defer { close(listener) }
        while !isStopping.load(ordering: .sequentiallyConsistent) {
            let connection = accept4Portably()
            guard connection >= 0 else {
                // Interrupted, or out of descriptors (R102): never in a tight loop.
                if errno != EINTR { usleep(100_000) }
                continue
            }
            let isAdmitted =
                connections.add(1, ordering: .sequentiallyConsistent).newValue <= Self.connectionLimit
                && ControlThread.start { [self] in
                    serve(connection)
                    close(connection)
                    connections.subtract(1, ordering: .sequentiallyConsistent)
                }
            if !isAdmitted {
                connections.subtract(1, ordering: .sequentiallyConsistent)
                close(connection)
            }
        }
    }

    private func accept4Portably() -> Int32 {
        let connection = Glibc.accept(listener, nil, nil)
        guard connection >= 0 else { return -1 }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        return connection
    }

    private func serve(_ connection: Int32) {
        guard ControlSocket.isTrusted(connection) else { return }
        ControlSocket.setTimeouts(connection, receiveSeconds: 5, sendSeconds: 30)
        var lines = ControlLines(descriptor: connection, limit: Self.requestLimit)
        guard let line = lines.next() else { return }
        guard let request = ControlCoding.decode(ControlRequest.self, from: line) else {
            _ = send(
                .failed(sentence: "The running proxy does not know this command; is it of another version?"),
                connection
            )
            return
        }
        desk.answer(request) { answer in
            !isStopping.load(ordering: .relaxed) && send(answer, connection)
        }
        _ = send(.end, connection)
    }

    private func send(_ answer: ControlAnswer, _ connection: Int32) -> Bool {
        guard let line = ControlCoding.line(answer), ControlSocket.send(line, to: connection) else { return false }
        guard case .content(let part) = answer else { return true }
        return ControlSocket.send(part.bytes, to: connection)
    }
}

/// Values as lines of JSON.
package enum ControlCoding {
    /// With its line feed. nil where the value cannot be written as JSON.
    static func line(_ value: some Encodable) -> [UInt8]? {
        guard let data = try? encoder(isPretty: false).encode(value) else { return nil }
        return Array(data) + [UInt8(ascii: "\n")]
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from line: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(line))
    }

    /// For people who pipe it into a program: keys in order; on several lines where it is one value.
    package static func text(_ value: some Encodable, isPretty: Bool) -> String? {
        guard let data = try? encoder(isPretty: isPretty).encode(value) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    private static func encoder(isPretty: Bool) -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
        return encoder
    }
}
