// An origin server that does what a script says, right or wrong: one thread a connection, every request recorded,
// every body byte that was handed to the kernel counted.
//
// It corrects nothing: a handler sends the bytes that it wants, and may close or reset wherever it likes.

import Foundation
import Glibc

/// A server on loopback whose answers are written by a closure.
package final class ScriptedOrigin: Sendable {
    /// Called on the connection's thread, once a request with its whole body has been read. A failure that it throws
    /// is kept in `failures` and closes the connection.
    package typealias Handler = @Sendable (ReceivedRequest, OriginConnection) throws -> Void

    private struct Record {
        var requests: [ReceivedRequest] = []
        var tallies: [String: RangeTally] = [:]
        var failures: [PeerFailure] = []
        var accepted = 0
        var open: [Int: PeerSocket] = [:]
    }

    package let address: String
    package let port: UInt16
    private let listener: PeerSocket
    private let record = Monitor(Record())
    private let readsBodies: Bool
    private let handler: Handler

    /// - Parameters:
    ///   - address: an IPv4 address of the loopback net, such as 127.0.0.3.
    ///   - port: 0 for a free one.
    ///   - readsBodies: whether a request's body is read before the handler is called; where not, the handler reads it
    ///     with `readBody`, or leaves it.
    package init(
        address: String = "127.0.0.1",
        port: UInt16 = 0,
        readsBodies: Bool = true,
        handler: @escaping Handler
    ) throws {
        self.address = address
        self.readsBodies = readsBodies
        self.handler = handler
        listener = try PeerSocket.listening(address: address, port: port)
        self.port = listener.localPort
        Thread.detachNewThread { [self] in acceptAll() }
    }

    /// host:port
    package var authority: String { "\(address):\(port)" }

    package func url(_ path: String) -> String { "http://\(authority)\(path)" }

    /// Every request so far, in the order in which their heads were read.
    package var requests: [ReceivedRequest] { record.withLock { $0.requests } }

    package func requests(for target: String) -> [ReceivedRequest] { requests.filter { $0.target == target } }

    /// What handlers and readers threw.
    package var failures: [PeerFailure] { record.withLock { $0.failures } }

    /// How many connections were accepted so far.
    package var connectionCount: Int { record.withLock { $0.accepted } }

    /// How many of them are open at this moment.
    package var openConnectionCount: Int { record.withLock { $0.open.count } }

    /// How often each body byte of a target was sent.
    package func tally(_ target: String) -> RangeTally { record.withLock { $0.tallies[target] ?? RangeTally() } }

    /// Body bytes sent for a target, repeats included.
    package func bodyBytesSent(_ target: String) -> Int64 { tally(target).totalBytes }

    /// Body bytes sent for every target.
    package var bodyBytesSent: [String: Int64] { record.withLock { $0.tallies.mapValues(\.totalBytes) } }

    package func waitForRequests(_ count: Int, within seconds: Double = defaultPatience) throws {
        try record.wait(for: "\(count) requests at \(authority)", within: seconds) { $0.requests.count >= count }
    }

    /// Waits until that many body bytes of a target were sent.
    package func waitForBodyBytes(_ count: Int64, of target: String, within seconds: Double = defaultPatience) throws {
        try record.wait(for: "\(count) body bytes of \(target)", within: seconds) {
            ($0.tallies[target]?.totalBytes ?? 0) >= count
        }
    }

    /// Waits until no connection is open.
    package func waitForNoConnections(within seconds: Double = defaultPatience) throws {
        try record.wait(for: "all connections of \(authority) to end", within: seconds) { $0.open.isEmpty }
    }

    /// Further connections are refused; those that are open stay.
    package func stopListening() { listener.wake() }

    /// Stops listening and cuts every connection.
    package func stop() {
        stopListening()
        let open = record.withLock { Array($0.open.values) }
        for socket in open { socket.wake() }
    }

    func count(_ range: Range<Int64>, of target: String) {
        record.withLock { $0.tallies[target, default: RangeTally()].add(range) }
    }

    private func acceptAll() {
        while let socket = listener.accepted() {
            let number = record.withLock { record in
                record.open[record.accepted] = socket
                record.accepted += 1
                return record.accepted - 1
            }
            Thread.detachNewThread { [self] in
                serve(OriginConnection(socket, number: number, origin: self))
                socket.close()
                record.withLock { $0.open[number] = nil }
            }
        }
        listener.close()
    }

    private func serve(_ connection: OriginConnection) {
        do {
            while let request = try connection.nextRequest(withBody: readsBodies) {
                record.withLock { $0.requests.append(request) }
                connection.begin(request)
                try handler(request, connection)
                if connection.isClosed { return }
            }
        } catch let failure as PeerFailure {
            record.withLock { $0.failures.append(failure) }
        } catch {
            record.withLock { $0.failures.append(PeerFailure("\(error)")) }
        }
    }
}
