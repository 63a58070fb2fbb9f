// The command line's end of the control socket.

import Glibc

/// Asks a running proxy.
package struct ControlClient: Sendable {
    private let directory: String

    /// - Parameter directory: the cache directory, as the proxy was given it or otherwise.
    package init(directory: String) { self.directory = directory }

    private var cutShort: ControlFailure {
        ControlFailure("The proxy that runs on \(directory) ended before its answer did.", isCutShort: true)
    }

    /// Whether somebody listens there.
    package var reachesProxy: Bool {
        guard let descriptor = try? ControlSocket.make() else { return false }
        defer { close(descriptor) }
        return (try? ControlSocket.withAddress(in: directory) { connect(descriptor, $0, $1) }) == 0
    }

    /// Sends a request and hands over the lines of the answer until it ends, or until `receive` returns false.
    ///
    /// Throws with `isAbsent` where no proxy listens there.
    package func ask(_ request: ControlRequest, _ receive: (ControlAnswer) -> Bool) throws(ControlFailure) {
        let descriptor = try ControlSocket.make()
        defer { close(descriptor) }
        let connected = try ControlSocket.withAddress(in: directory) { connect(descriptor, $0, $1) }
        guard connected == 0 else { throw .system("The control socket of \(directory) cannot be reached", errno) }
        guard let line = ControlCoding.line(request) else { throw ControlFailure("The command could not be written.") }
        // A purge of a large cache takes its time.
        ControlSocket.setTimeouts(descriptor, receiveSeconds: 600, sendSeconds: 10)
        guard ControlSocket.send(line, to: descriptor) else {
            throw ControlFailure("The proxy that runs on \(directory) does not take commands.", isCutShort: true)
        }
        var lines = ControlLines(descriptor: descriptor, limit: 256 << 20)
        while let line = lines.next() {
            guard let answer = ControlCoding.decode(ControlAnswer.self, from: line) else {
                throw ControlFailure(
                    "The proxy that runs on \(directory) answers in a way that this program does not know."
                )
            }
            switch answer {
            case .end: return
            case .failed(let sentence): throw ControlFailure(sentence)
            case .content(var part):
                guard let bytes = lines.bytes(part.count) else {
                    throw cutShort
                }
                part.bytes = bytes
                if !receive(.content(part)) { return }
            default: if !receive(answer) { return }
            }
        }
        throw cutShort
    }
}
