// One connection of a scripted origin, as its handler sees it: raw sending, and counting of what was sent.
//
// To count body bytes by offset it follows the heads that the handler sends: after the empty line of a final head
// come body bytes, from the offset that Content-Range names or from 0. Bytes of a chunked body are counted where they
// are sent by `sendChunk`.

import Glibc

/// The handler's side of a connection; used on the connection's own thread.
///
/// `@unchecked`: confined to that thread.
package final class OriginConnection: @unchecked Sendable {
    private enum Place {
        case head([UInt8])
        case body(offset: Int64)
        case chunkedBody(offset: Int64)
    }

    /// Counted from 0 in the order of acceptance.
    package let number: Int
    private let socket: PeerSocket
    private let reader: PeerReader
    private unowned let origin: ScriptedOrigin
    private var place = Place.head([])
    private var target = ""
    package private(set) var isClosed = false
    /// Seconds that sending may wait for room.
    package var patience: Double = defaultPatience

    init(_ socket: PeerSocket, number: Int, origin: ScriptedOrigin) {
        self.socket = socket
        self.number = number
        self.origin = origin
        reader = PeerReader(socket)
        // What the kernel holds for a peer that reads no more would be counted as sent: keep it small.
        socket.setOption(SOL_SOCKET, SO_SNDBUF, 131_072)
    }

    /// Sends text as it stands.
    package func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Sends bytes as they stand.
    package func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try send($0) }
    }

    package func send(_ bytes: UnsafeRawBufferPointer) throws {
        // In slices, so that what was sent before a failure is counted.
        var rest = bytes
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(65_536))
            try socket.send(slice, within: patience)
            follow(slice)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(slice.count))
        }
    }

    /// Sends one chunk of a chunked body, its frame around it (RFC 9112 §7.1); the empty one is the last.
    package func sendChunk(_ bytes: [UInt8]) throws {
        let frame = Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A]
        try frame.withUnsafeBytes { try socket.send($0, within: patience) }
        guard case .chunkedBody(let offset) = place else { return }
        origin.count(offset..<offset + Int64(bytes.count), of: target)
        place = .chunkedBody(offset: offset + Int64(bytes.count))
    }

    package func sendLastChunk() throws { try sendChunk([]) }

    /// A whole response with Content-Length.
    package func respond(
        _ status: Int = 200,
        _ reason: String = "OK",
        fields: PeerFields = [:],
        body: [UInt8] = []
    ) throws {
        try send("HTTP/1.1 \(status) \(reason)\r\n\(fields.text)Content-Length: \(body.count)\r\n\r\n")
        try send(body)
    }

    /// A whole response with Content-Length and a text as body.
    package func respond(
        _ status: Int = 200,
        _ reason: String = "OK",
        fields: PeerFields = [:],
        text: String
    ) throws {
        try respond(status, reason, fields: fields, body: Array(text.utf8))
    }

    /// Reads a request's body where the origin was made with `readsBodies: false`.
    package func readBody(of request: ReceivedRequest, within seconds: Double = defaultPatience) throws -> [UInt8] {
        var body: [UInt8] = []
        let framing = try PeerFraming.ofRequest(request.fields)
        let end = try reader.body(framing, within: seconds) { body.append(contentsOf: $0) }
        if end != .complete {
            throw PeerFailure("the request's body ended after \(body.count) bytes: \(end ?? .reset)")
        }
        return body
    }

    /// The next raw bytes from the proxy, exactly that many: for tunnels.
    package func receive(_ count: Int, within seconds: Double = defaultPatience) throws -> [UInt8] {
        try reader.exactly(count, within: seconds)
    }

    /// Everything that comes until the other side closes or resets.
    package func receiveRest(within seconds: Double = defaultPatience) throws -> (bytes: [UInt8], end: BodyEnd) {
        try reader.rest(within: seconds)
    }

    /// Waits until the proxy has closed this connection.
    package func waitForPeerToLeave(within seconds: Double = defaultPatience) throws {
        try socket.waitForPeerToLeave(within: seconds)
    }

    /// Closes with FIN.
    package func close() {
        isClosed = true
        socket.close()
    }

    /// Closes with RST.
    package func reset() {
        isClosed = true
        socket.reset()
    }

    /// Ends the sending direction only.
    package func shutdownSending() {
        socket.shutdownSending()
    }

    func nextRequest(withBody: Bool) throws -> ReceivedRequest? {
        // A connection that ends while idle is no event; it may be reset, since the proxy's pool may drop it so.
        guard let text = try reader.headText(within: 600) else { return nil }
        let head = try ParsedHead(text)
        guard head.startLine.count == 3 else { throw PeerFailure("not a request line: \(head.startLine)") }
        var request = ReceivedRequest(
            method: head.startLine[0],
            target: head.startLine[1],
            version: head.startLine[2],
            fields: head.fields,
            headText: text,
            connection: number
        )
        if withBody {
            if head.fields["Expect"]?.lowercased() == "100-continue" { try send("HTTP/1.1 100 Continue\r\n\r\n") }
            request.body = try readBody(of: request)
        }
        return request
    }

    /// From now on what is sent answers this request.
    func begin(_ request: ReceivedRequest) {
        place = .head([])
        target = request.target
    }

    private func follow(_ bytes: UnsafeRawBufferPointer) {
        switch place {
        case .head(var head):
            for (index, byte) in bytes.enumerated() {
                head.append(byte)
                guard byte == 0x0A, head.suffix(4).elementsEqual([0x0D, 0x0A, 0x0D, 0x0A]) else { continue }
                place = place(after: head)
                if case .head = place {
                    head = []
                    continue
                }
                follow(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(index + 1)))
                return
            }
            place = .head(head)
        case .body(let offset):
            if bytes.isEmpty { return }
            origin.count(offset..<offset + Int64(bytes.count), of: target)
            place = .body(offset: offset + Int64(bytes.count))
        case .chunkedBody:
            break
        }
    }

    private func place(after headBytes: [UInt8]) -> Place {
        guard let head = try? ParsedHead(String(decoding: headBytes, as: UTF8.self)) else { return .body(offset: 0) }
        if head.startLine[1].first == "1" { return .head([]) }
        var offset: Int64 = 0
        if let range = head.fields["Content-Range"], range.hasPrefix("bytes ") {
            offset = Int64(range.dropFirst(6).prefix { $0.isNumber }) ?? 0
        }
        return head.fields.list("Transfer-Encoding", contains: "chunked")
            ? .chunkedBody(offset: offset) : .body(offset: offset)
    }
}
