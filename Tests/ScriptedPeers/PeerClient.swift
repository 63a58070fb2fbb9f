// A client that sends exactly the text it is given and says exactly what came back: every byte, and whether the body
// was complete, cut or reset.

import Glibc

/// A whole response.
package struct ReceivedResponse: Sendable {
    package let head: ReceivedHead
    package let body: [UInt8]
    package let end: BodyEnd

    package var status: Int { head.status }
    package var text: String { String(decoding: body, as: UTF8.self) }
    package subscript(_ name: String) -> String? { head[name] }
}

/// What a body was that was checked while it came, instead of kept.
package struct CheckedBody: Sendable, Equatable {
    /// Bytes received.
    package let count: Int64
    /// nil where the reader stopped of its own accord.
    package let end: BodyEnd?
    /// The offset in the content of the first wrong byte.
    package let firstDifference: Int64?

    package init(count: Int64, end: BodyEnd?, firstDifference: Int64? = nil) {
        self.count = count
        self.end = end
        self.firstDifference = firstDifference
    }

    /// Every byte came and every byte was right.
    package var isWhole: Bool { end == .complete && firstDifference == nil }
}

/// One connection of a client, usually to the proxy; used by one thread at a time.
///
/// `@unchecked`: confined to the thread that uses it.
package final class PeerClient: @unchecked Sendable {
    private let socket: PeerSocket
    private let reader: PeerReader
    private var methods: [String] = []
    private var framing = PeerFraming.none
    /// 1xx heads that came before final ones.
    package private(set) var interimHeads: [ReceivedHead] = []
    /// The trailer lines of the chunked bodies so far.
    package var trailers: [String] { reader.trailers }
    private let patience: Double

    /// - Parameters:
    ///   - source: a loopback address to come from; nil: the kernel's choice.
    ///   - within: seconds that each wait of this client may take.
    package init(
        port: UInt16,
        address: String = "127.0.0.1",
        from source: String? = nil,
        within seconds: Double = defaultPatience
    ) throws {
        patience = seconds
        socket = try PeerSocket.connected(address: address, port: port, from: source, within: seconds)
        reader = PeerReader(socket)
    }

    /// One request on a connection of its own, in absolute-form, and its whole response.
    package static func get(
        _ url: String,
        through port: UInt16,
        fields: PeerFields = [:],
        method: String = "GET",
        within seconds: Double = defaultPatience
    ) throws -> ReceivedResponse {
        let client = try PeerClient(port: port, within: seconds)
        defer { client.close() }
        try client.request(url, fields: fields, method: method)
        return try client.response()
    }

    /// One request on a connection of its own, its body compared with the content from an offset on and not kept.
    package static func check(
        _ url: String,
        through port: UInt16,
        against content: Content,
        at offset: Int64 = 0,
        fields: PeerFields = [:],
        within seconds: Double = defaultPatience
    ) throws -> (head: ReceivedHead, body: CheckedBody) {
        let client = try PeerClient(port: port, within: seconds)
        defer { client.close() }
        try client.request(url, fields: fields)
        let head = try client.head()
        return (head, try client.checkBody(against: content, at: offset))
    }

    /// Sends text as it stands; name the methods of what is not a GET where the responses are read.
    package func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    package func send(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try socket.send($0, within: patience) }
    }

    /// Sends a request in absolute-form with Host, and the given fields after it.
    package func request(_ url: String, fields: PeerFields = [:], method: String = "GET") throws {
        let authority = url.hasPrefix("http://") ? String(url.dropFirst(7).prefix { $0 != "/" && $0 != "?" }) : url
        let host = fields["Host"] == nil ? "Host: \(authority)\r\n" : ""
        try send("\(method) \(url) HTTP/1.1\r\n\(host)\(fields.text)\r\n")
        methods.append(method)
    }

    /// The next final head; a request that was sent as raw text counts as GET unless its method is given.
    package func head(method: String? = nil) throws -> ReceivedHead {
        let asked = method ?? (methods.isEmpty ? "GET" : methods.removeFirst())
        while true {
            let head = try anyHead()
            if head.status / 100 == 1 && head.status != 101 {
                interimHeads.append(head)
                continue
            }
            framing = try PeerFraming.ofResponse(head, to: asked)
            return head
        }
    }

    /// The next head, be it interim or final; its body, if any, is for `head` only.
    package func anyHead() throws -> ReceivedHead {
        guard let text = try reader.headText(within: patience) else {
            throw PeerFailure("the connection ended instead of a response: \(String(describing: reader.ended))")
        }
        let head = try ParsedHead(text)
        guard let status = Int(head.startLine[1]) else { throw PeerFailure("not a status line: \(head.startLine)") }
        return ReceivedHead(
            version: head.startLine[0],
            status: status,
            reason: head.startLine.count > 2 ? head.startLine[2] : "",
            fields: head.fields,
            text: text
        )
    }

    /// The next response with its whole body.
    package func response(method: String? = nil) throws -> ReceivedResponse {
        let head = try head(method: method)
        let (bytes, end) = try body()
        return ReceivedResponse(head: head, body: bytes, end: end)
    }

    /// The body of the head that was read last.
    package func body() throws -> (bytes: [UInt8], end: BodyEnd) {
        var bytes: [UInt8] = []
        let end = try reader.body(framing, within: patience) { bytes.append(contentsOf: $0) }
        return (bytes, end ?? .complete)
    }

    /// The first bytes of the body, exactly that many; then the caller reads on, closes or resets.
    package func body(first count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        let end = try reader.body(framing, limit: Int64(count), within: patience) { bytes.append(contentsOf: $0) }
        if bytes.count < count {
            throw PeerFailure("the body ended after \(bytes.count) of \(count) bytes: \(end as Any)")
        }
        consumed(Int64(count))
        return bytes
    }

    /// Reads the body, or its next `limit` bytes, in the pieces in which they come; nil where the limit ended it.
    package func readBody(limit: Int64 = .max, _ take: (UnsafeRawBufferPointer) throws -> Void) throws -> BodyEnd? {
        var count: Int64 = 0
        let end = try reader.body(framing, limit: limit, within: patience) { bytes in
            count += Int64(bytes.count)
            try take(bytes)
        }
        consumed(count)
        return end
    }

    /// Whether only the connection's end says where the body ends.
    package var endsWithConnection: Bool { framing == .untilClose }

    /// Reads the body, or its next `limit` bytes, and compares every byte with the content from an offset on.
    package func checkBody(
        against content: Content,
        at offset: Int64 = 0,
        limit: Int64 = .max
    ) throws -> CheckedBody {
        var count: Int64 = 0
        var different: Int64?
        let end = try reader.body(framing, limit: limit, within: patience) { bytes in
            if different == nil { different = content.firstDifference(bytes, at: offset + count) }
            count += Int64(bytes.count)
        }
        consumed(count)
        return CheckedBody(count: count, end: end, firstDifference: different)
    }

    /// Raw bytes, exactly that many: for tunnels.
    package func receive(_ count: Int) throws -> [UInt8] {
        try reader.exactly(count, within: patience)
    }

    /// Everything until the connection ends, and how it ended.
    package func rest() throws -> (bytes: [UInt8], end: BodyEnd) {
        try reader.rest(within: patience)
    }

    /// Waits until the other side has closed or reset; bytes that come instead are a failure.
    package func waitForPeerToLeave() throws {
        try socket.waitForPeerToLeave(within: patience)
    }

    /// Closes with FIN.
    package func close() { socket.close() }

    /// Closes with RST.
    package func reset() { socket.reset() }

    /// Ends the sending direction only.
    package func shutdownSending() { socket.shutdownSending() }

    /// Makes the receive buffer small, so that a client that stops reading is felt soon.
    package func shrinkReceiveBuffer(to bytes: Int) {
        socket.setOption(SOL_SOCKET, SO_RCVBUF, Int32(clamping: bytes))
    }

    /// What is left of a body with a length after a part of it was read.
    private func consumed(_ count: Int64) {
        if case .length(let length) = framing { framing = .length(max(0, length - count)) }
    }
}
