// What the scenarios of keeping, completing and resuming have in common: versions with strong validators, what a
// Range field asked for, and what `status` says. It looks and counts; it decides nothing.

import Foundation
import Glibc
import ScriptedPeers

/// How many held bytes a resume may ask for again, to compare them (resume-rules 4).
let overlapProbe: Int64 = 16_384

/// What `status --json` says, as far as these tests look at it.
struct StatusView: Decodable {
    struct Fill: Decodable {
        struct Claim: Decodable {
            let state: String
        }

        let url: String
        let claims: [Claim]
        let readers: Int
        let isFinishing: Bool
        let isQueued: Bool
    }

    struct Waiting: Decodable {
        let url: String
        let state: String
        let reason: String?
    }

    struct Rates: Decodable {
        struct Limit: Decodable {
            let directive: String
            let bytesPerSecond: Int64
        }

        let link: Int64
        let background: Int64?
        let backgroundSetting: String
        let limits: [Limit]
        let finishing: Int
        let waitingForPlace: Int
        let waitingForHours: Int
    }

    struct Wait: Decodable {
        let url: String
        let reason: String
        let since: Int64
        let until: Int64
        let attempts: Int
    }

    let bytes: Int64
    let responses: Int
    let damagedPieces: Int
    let unfinished: Int
    let fills: [Fill]
    let waiting: [Waiting]
    let waits: [Wait]
    let rates: Rates?

    /// Nothing is being filled, and nothing is owed.
    var isIdle: Bool { fills.isEmpty && waiting.isEmpty && unfinished == 0 }
}

extension FileVersion {
    /// Strong entity tag, fresh for an hour.
    static func tagged(_ content: Content, _ tag: String = "\"one\"", cacheControl: String = "max-age=3600") -> Self {
        FileVersion(content, etag: tag, cacheControl: cacheControl)
    }
}

extension ReceivedRequest {
    /// First and last byte of `Range: bytes=a-b`; nil where the field is missing or of another form.
    var askedRange: (first: Int64, last: Int64?)? {
        guard let field = self["Range"], field.hasPrefix("bytes=") else { return nil }
        let parts = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Int64(parts[0]) else { return nil }
        return (first, Int64(parts[1]))
    }

    /// Whether it asks for the rest from a hole's first byte, at most 16 KiB early (resume-rules 4).
    func asks(from hole: Int64) -> Bool {
        guard let (first, _) = askedRange else { return false }
        return (hole - overlapProbe...hole).contains(first)
    }
}

extension Scene {
    func status() throws -> StatusView {
        let result = try proxy.command("status", "--json")
        guard result.status == 0 else { throw PeerFailure("status: \(result.output)\(result.errors)") }
        return try JSONDecoder().decode(StatusView.self, from: Data(result.output.utf8))
    }

    func waitForStatus(_ what: String, _ holds: (StatusView) -> Bool) throws {
        var last: StatusView?
        do {
            try waitUntil(what) {
                let status = try self.status()
                last = status
                return holds(status)
            }
        } catch let failure as PeerFailure {
            throw PeerFailure("\(failure); the last status was \(String(describing: last))")
        }
    }

    /// Waits until no fill is under way; what is parked may be.
    func waitUntilNothingIsFilled() throws {
        try waitForStatus("no fill is under way") { $0.fills.isEmpty }
    }

    /// A client that reads so many bytes of a target from the start, checked, and resets its connection.
    func readAndLeave(_ target: String, _ content: Content, _ count: Int64, _ fields: PeerFields = [:]) throws {
        let client = try client()
        try client.request(url(target), fields: fields)
        let head = try client.head()
        guard head.status == 200 else { throw PeerFailure("expected 200: \(head.text)") }
        let body = try client.checkBody(against: content, limit: count)
        guard body == CheckedBody(count: count, end: nil) else { throw PeerFailure("not what was sent: \(body)") }
        client.reset()
    }

    /// The target is stored whole and right: answered without one more byte from the origin.
    func isServedWhole(_ target: String, _ content: Content) throws -> Bool {
        let before = origin.bodyBytesSent(target)
        let answer = try check(target, content)
        return answer.head.status == 200 && answer.body == CheckedBody(count: content.length, end: .complete)
            && origin.bodyBytesSent(target) == before
    }

    /// Runs the same work on threads of their own, numbered, and waits for all.
    func atOnce<Answer: Sendable>(
        _ count: Int,
        _ work: @escaping @Sendable (Int) throws -> Answer
    ) throws -> [Answer] {
        let done = Barrier("all \(count) clients are done")
        let results = Results<Answer>()
        for number in 0..<count {
            Thread.detachNewThread {
                let result = Result { try work(number) }
                results.put(number, result)
                done.arrive()
            }
        }
        try done.waitForArrivals(count, within: 2 * defaultPatience)
        return try (0..<count).map { try results.take($0) }
    }
}

/// Answers of threads. `@unchecked`: the dictionary is reached under the lock only.
private final class Results<Answer: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Int: Result<Answer, any Error>] = [:]

    func put(_ number: Int, _ result: Result<Answer, any Error>) {
        lock.withLock { results[number] = result }
    }

    func take(_ number: Int) throws -> Answer {
        guard let result = lock.withLock({ results[number] }) else {
            throw PeerFailure("client \(number) said nothing")
        }
        return try result.get()
    }
}

/// A client that is another machine to the proxy, as far as its address shows: one request, one whole answer.
enum ClientAtAddress {
    static func get(_ url: String, from source: String, through port: UInt16, fields: PeerFields = [:]) throws -> String
    {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw PeerFailure("socket: \(errno)") }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: Int(defaultPatience), tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var own = address(source, 0)
        var proxy = address("127.0.0.1", port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnected = withUnsafePointer(to: &own) { own in
            withUnsafePointer(to: &proxy) { proxy in
                own.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) } == 0
                    && proxy.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) } == 0
            }
        }
        guard isConnected else { throw PeerFailure("no connection from \(source): \(errno)") }
        let authority = url.dropFirst("http://".count).prefix { $0 != "/" }
        let text = "GET \(url) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\(fields.text)\r\n"
        guard send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count else {
            throw PeerFailure("the request could not be sent")
        }
        var head: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while head.count < 4096 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            head += buffer[..<count]
        }
        return String(decoding: head, as: UTF8.self)
    }

    private static func address(_ text: String, _ port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        inet_pton(AF_INET, text, &name.sin_addr)
        return name
    }
}
