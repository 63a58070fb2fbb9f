// The origin of all exchanges: it finds the exchange by the path's first two segments, takes the answer that is laid
// out for it, and sends it as the data say, right or wrong. It adds nothing but Content-Length.

import ScriptedPeers
import Synchronization

/// One server for every exchange that runs.
final class ExchangeOrigin: Sendable {
    private final class Book: Sendable {
        let conversations = Mutex<[String: Conversation]>([:])
    }

    private let book: Book
    private let server: ScriptedOrigin

    init() throws {
        let book = Book()
        self.book = book
        server = try ScriptedOrigin(readsBodies: false) { request, connection in
            let conversation = book.conversations.withLock { $0[Self.prefix(of: request.target)] }
            guard let conversation else { return try connection.respond(404, "Not Found", text: "no exchange\n") }
            try Self.serve(request, of: conversation, on: connection)
        }
    }

    var authority: String { server.authority }

    func open(_ conversation: Conversation) {
        book.conversations.withLock { $0[conversation.words.prefix] = conversation }
    }

    func close(_ conversation: Conversation) {
        book.conversations.withLock { $0[conversation.words.prefix] = nil }
    }

    /// The first two segments of the path, in origin-form or absolute-form.
    private static func prefix(of target: String) -> String {
        var path = Substring(target)
        if let mark = target.firstRange(of: "://") { path = path[mark.upperBound...].drop { $0 != "/" } }
        let segments = path.prefix { $0 != "?" }.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true)
        return segments.prefix(2).map { "/" + $0 }.joined()
    }

    private static func serve(
        _ request: ReceivedRequest,
        of conversation: Conversation,
        on connection: OriginConnection
    ) throws {
        let (entry, number, gate) = conversation.take(request)
        defer { conversation.finished(number) }
        if entry?.early != true {
            if request["Expect"]?.lowercased() == "100-continue" {
                try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
            }
            conversation.received(try connection.readBody(of: request), of: number)
        }
        if let gate {
            do { try gate.wait(within: 2) } catch is PeerFailure { conversation.noteOverheld() }
        }
        guard let entry else {
            let fields: PeerFields = ["Cache-Control": "no-store", "X-Conformance": "no answer is laid out"]
            return try connection.respond(500, "Unexpected", fields: fields, text: "no answer is laid out\n")
        }
        try OriginAnswer(entry: entry, request: request, words: conversation.words).send(on: connection)
    }
}

/// One answer on its way out.
struct OriginAnswer {
    let entry: OriginEntry
    let request: ReceivedRequest
    let words: Words

    func send(on connection: OriginConnection) throws {
        if entry.disconnect == true { return connection.close() }
        if let raw = entry.raw {
            try connection.send(words.expand(raw))
            return connection.close()
        }
        for interim in entry.interim ?? [] {
            try connection.send("HTTP/1.1 \(interim.status) Interim\r\n\(fields(interim.fields ?? []).text)\r\n")
        }
        var fields = fields(entry.fields ?? [])
        var status = entry.status ?? 200
        var body = Array(words.expand(entry.body ?? "").utf8)
        if entry.ranges == true { (status, body) = sliced(body, status, &fields) }
        let carriesNone = status / 100 == 1 || status == 204 || status == 304
        let framing = framing(fields)
        if !carriesNone && framing == .length && fields["Content-Length"] == nil {
            fields.append("Content-Length", "\(body.count)")
        }
        if framing == .chunked && fields["Transfer-Encoding"] == nil && !carriesNone {
            fields.append("Transfer-Encoding", "chunked")
        }
        let version = "HTTP/\(entry.version ?? "1.1")"
        try connection.send("\(version) \(status) \(entry.reason ?? "Answer")\r\n\(fields.text)\r\n")
        if request.method != "HEAD" && !carriesNone { try send(body, framing, on: connection) }
        if connection.isClosed { return }
        let asksForClose = request.fields.list("Connection", contains: "close")
        let saysClose = fields.list("Connection", contains: "close")
        if framing == .close || entry.version == "1.0" || entry.early == true || asksForClose || saysClose {
            connection.close()
        }
    }

    private func fields(_ pairs: [FieldPair]) -> PeerFields {
        var fields = PeerFields()
        for pair in pairs { fields.append(pair.name, words.expand(pair.value)) }
        return fields
    }

    private func framing(_ fields: PeerFields) -> OriginEntry.Framing {
        if let framing = entry.framing { return framing }
        return fields.list("Transfer-Encoding", contains: "chunked") ? .chunked : .length
    }

    private func send(_ body: [UInt8], _ framing: OriginEntry.Framing, on connection: OriginConnection) throws {
        let sent = entry.cut.map { Array(body.prefix($0)) } ?? body
        if framing == .chunked {
            if !sent.isEmpty { try connection.sendChunk(sent) }
            if entry.cut == nil { try connection.sendLastChunk() }
        } else {
            try connection.send(sent)
        }
        if entry.cut == nil { return }
        // A body that ends with the connection is seen to be cut only by a reset.
        if framing == .close { connection.reset() } else { connection.close() }
    }

    /// The range that is asked for, if its condition holds (RFC 9110 §13.1.5, §14.2).
    private func sliced(_ body: [UInt8], _ status: Int, _ fields: inout PeerFields) -> (Int, [UInt8]) {
        fields.append("Accept-Ranges", "bytes")
        guard status == 200, request.method == "GET", let asked = request["Range"], asked.hasPrefix("bytes=") else {
            return (status, body)
        }
        if let condition = request["If-Range"], entry.ignoresIfRange != true {
            let holds =
                condition == fields["ETag"] && !condition.hasPrefix("W/") || condition == fields["Last-Modified"]
            if !holds { return (status, body) }
        }
        let ends = asked.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return (status, body) }
        var first = Int(ends[0])
        var last = Int(ends[1])
        if first == nil, let suffix = last {
            first = suffix == 0 ? body.count : max(0, body.count - suffix)
            last = body.count - 1
        }
        guard let first else { return (status, body) }
        if first >= body.count {
            fields.append("Content-Range", "bytes */\(body.count)")
            return (416, [])
        }
        let end = min(last ?? body.count - 1, body.count - 1)
        guard end >= first else { return (status, body) }
        fields.append("Content-Range", "bytes \(first)-\(end)/\(body.count)")
        return (206, Array(body[first...end]))
    }
}
