// Plays one exchange through a proxy, step by step, and says whether all was seen that the data ask for. Whether the
// cache answered is told by the origin, which was asked or not; never by what the proxy says of itself.

import Glibc
import ScriptedPeers

/// What became of an exchange: nil, or a sentence that says what was not as expected.
struct Outcome: Sendable {
    let complaint: String?

    var passed: Bool { complaint == nil }
}

/// Plays exchanges through one proxy.
struct ExchangeRunner: Sendable {
    let proxyAddress: String
    let proxyPort: UInt16
    let origin: ExchangeOrigin
    /// Microseconds between two steps, for proxies that store only after the response has left.
    var settleMicroseconds: UInt32 = 0

    func run(_ exchange: Exchange, under prefix: String) -> Outcome {
        let words = Words(now: time(nil), originAuthority: origin.authority, prefix: prefix)
        let conversation = Conversation(words: words)
        origin.open(conversation)
        defer { origin.close(conversation) }
        for (index, step) in exchange.steps.enumerated() {
            do {
                let isBehind = index > 0 && exchange.steps[index - 1].expect?.background == true
                let complaint = isBehind ? try playBehind(step, conversation) : try play(step, conversation)
                if let complaint {
                    return Outcome(complaint: "step \(index + 1): \(complaint)")
                }
            } catch {
                return Outcome(complaint: "step \(index + 1): \(error)")
            }
        }
        return Outcome(complaint: nil)
    }

    /// What a client saw of one response.
    private struct Seen {
        var head: ReceivedHead?
        var body = ""
        var isComplete = false
        var interim: [Int] = []
        var failure: String?
    }

    /// When a proxy has taken in what its origin answered behind a response's back, nobody outside is told: a step that
    /// asks the cache alone is repeated until it sees that, for as long as the slowest machine may need.
    private func playBehind(_ step: Step, _ conversation: Conversation) throws -> String? {
        guard step.origin == nil, step.expect?.from == .cache else { return try play(step, conversation) }
        var complaint: String?
        try? waitUntil("the cache to have what was answered in the background", within: 5) {
            do { complaint = try play(step, conversation) } catch { complaint = "\(error)" }
            return complaint == nil
        }
        return complaint
    }

    private func play(_ step: Step, _ conversation: Conversation) throws -> String? {
        if let pause = step.pause { usleep(UInt32(pause * 1_000_000)) } else { usleep(settleMicroseconds) }
        let expectation = step.expect ?? Expectation()
        let gate = expectation.background == true ? Barrier("the client has its response") : nil
        conversation.begin(step.origin?.all ?? [], gate: gate)
        let seen = ask(step.request ?? AskedRequest(), conversation.words)
        let reached = conversation.requests.count
        gate?.open()
        if gate != nil {
            let patience = 3.0
            do {
                try waitUntil("a request behind the response's back", within: patience) {
                    !conversation.requests.isEmpty
                }
            } catch is PeerFailure {
                return "the origin was not asked in the background"
            }
        }
        try waitUntil("the origin to finish") { conversation.isQuiet }
        if let unexpected = conversation.unexpected.first {
            let text = seen.head.map { "the client got \($0.status)" } ?? "the client got nothing"
            return "a request too many reached the origin: \(unexpected); \(text)"
        }
        if conversation.overheld { return "the client was kept waiting for the origin" }
        return complaint(about: seen, expectation, conversation.words)
            ?? complaint(about: conversation.requests, reached, expectation, conversation.words)
    }

    private func ask(_ asked: AskedRequest, _ words: Words) -> Seen {
        let method = asked.method ?? "GET"
        let body = words.expand(asked.body ?? "")
        var fields = PeerFields()
        let pairs = asked.fields ?? []
        if !pairs.contains(where: { $0.name.lowercased() == "host" }) { fields.append("Host", words.originAuthority) }
        for pair in pairs { fields.append(pair.name, words.expand(pair.value)) }
        if asked.body != nil && fields["Content-Length"] == nil && fields["Transfer-Encoding"] == nil {
            fields.append("Content-Length", "\(body.utf8.count)")
        }
        let target = "http://\(words.originAuthority)\(words.prefix)\(words.expand(asked.path ?? "/"))"
        var seen = Seen()
        do {
            let client = try PeerClient(port: proxyPort, address: proxyAddress, within: 8)
            defer { client.close() }
            try client.send("\(method) \(target) HTTP/\(asked.version ?? "1.1")\r\n\(fields.text)\r\n\(body)")
            seen.head = try client.head(method: method)
            seen.interim = client.interimHeads.map(\.status)
            let (bytes, end) = try client.body()
            seen.body = String(decoding: bytes, as: UTF8.self)
            seen.isComplete = end == .complete
        } catch {
            seen.failure = "\(error)"
        }
        return seen
    }

    private func complaint(about seen: Seen, _ expected: Expectation, _ words: Words) -> String? {
        guard let head = seen.head else {
            if expected.cut == true && expected.status == nil { return nil }
            return "no response: \(seen.failure ?? "")"
        }
        if let wanted = expected.status?.all, !wanted.contains(head.status) {
            return "the status is \(head.status), expected \(wanted.map(String.init).joined(separator: " or "))"
        }
        // An error instead of a part is as visible as a cut.
        let isVisiblyIncomplete = !seen.isComplete || seen.failure != nil || head.status >= 500
        if expected.cut == true {
            if !isVisiblyIncomplete { return "the response looks complete" }
        } else if !seen.isComplete {
            return "the response is cut after \u{201C}\(seen.body)\u{201D} (\(seen.failure ?? "ended early"))"
        }
        if let wanted = expected.body?.all.map(words.expand), !wanted.contains(seen.body) {
            let quoted = wanted.map { "\u{201C}\($0)\u{201D}" }.joined(separator: " or ")
            return "the body is \u{201C}\(seen.body)\u{201D}, expected \(quoted) (status \(head.status))"
        }
        if let wanted = expected.interim, wanted != seen.interim {
            return "interim answers \(seen.interim), not \(wanted)"
        }
        if let wanted = expected.parts {
            if let complaint = complaint(aboutPartsOf: head, seen.body, wanted, words) { return complaint }
        }
        return Matching(words: words).complaint(expected.fields, in: head.fields, of: "response")
    }

    private func complaint(
        aboutPartsOf head: ReceivedHead,
        _ body: String,
        _ wanted: [ExpectedPart],
        _ words: Words
    ) -> String? {
        guard let multipart = Multipart(contentType: head["Content-Type"], body: body) else {
            return "not a multipart/byteranges body: \(head.status) \(head["Content-Type"] ?? "without a type")"
        }
        if multipart.parts.count != wanted.count { return "\(multipart.parts.count) parts, expected \(wanted.count)" }
        for (part, want) in zip(multipart.parts, wanted) {
            if part.fields["Content-Range"] != want.range {
                return "a part says \(part.fields["Content-Range"] ?? "no range"), expected \(want.range)"
            }
            if let type = want.type, part.fields["Content-Type"] != type {
                return "a part's type is \(part.fields["Content-Type"] ?? "absent"), expected \(type)"
            }
            if part.body != words.expand(want.body) { return "a part holds \u{201C}\(part.body)\u{201D}" }
        }
        return nil
    }

    /// - Parameter reached: how many requests the origin had seen when the client had its response.
    private func complaint(
        about requests: [OriginRequest],
        _ reached: Int,
        _ expected: Expectation,
        _ words: Words
    ) -> String? {
        let conditions = ["If-None-Match", "If-Modified-Since", "If-Range", "If-Match", "If-Unmodified-Since"]
        switch expected.from ?? .any {
        case .cache:
            if expected.background != true, let request = requests.first {
                return "the origin was asked: \(request.head.method) \(request.head.target)"
            }
        case .origin:
            if requests.isEmpty { return "the origin was not asked" }
        case .validated:
            guard let request = requests.first else { return "the origin was not asked" }
            let isConditional = conditions.contains { request.head[$0] != nil }
            if !isConditional { return "the origin was asked without a condition" }
        case .any:
            break
        }
        for (index, wanted) in (expected.originRequest?.all ?? []).enumerated() {
            if let count = wanted.count, count != requests.count {
                return "\(requests.count) requests reached the origin, expected \(count)"
            }
            if wanted.count == 0 { continue }
            guard requests.indices.contains(index) else { return "the origin was not asked \(index + 1) times" }
            let request = requests[index]
            if let method = wanted.method, method != request.head.method {
                return "the origin was asked with \(request.head.method), expected \(method)"
            }
            if let body = wanted.body.map(words.expand), Array(body.utf8) != request.body {
                return "the origin got the body \u{201C}\(String(decoding: request.body, as: UTF8.self))\u{201D}"
            }
            let matching = Matching(words: words)
            if let complaint = matching.complaint(wanted.fields, in: request.head.fields, of: "request at the origin") {
                return complaint
            }
        }
        return nil
    }
}
