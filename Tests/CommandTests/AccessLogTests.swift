// The access log: what a line looks like whatever is in it, and what becomes of lines that nobody takes.

import Exchange
import Foundation
import HTTPSemantics
import Synchronization
import Testing

@Suite("A line of the access log")
struct AccessLogLineTests {
    private func line(keepsQuery: Bool = true, _ change: (inout ExchangeRecord) -> Void = { _ in }) -> String {
        var record = ExchangeRecord(
            client: "127.0.0.1:50412",
            method: "GET",
            uri: "http://example.org/a?key=secret",
            startedAt: 0
        )
        record.status = 206
        record.bytesSent = 300
        record.bytesFromCache = 100
        record.bytesFromUpstream = 200
        record.cacheStatus = CacheStatus(forward: .partial, forwardStatus: 206, stored: true)
        change(&record)
        let bytes = AccessLogLine.bytes(
            record,
            endedAt: 1_769_860_800_250_999_999,
            nanoseconds: 1_560_000,
            cacheName: "holdfast",
            keepsQuery: keepsQuery
        )
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("It has every field in its place")
    func wholeLine() {
        #expect(
            line()
                == "127.0.0.1:50412 [2026-01-31T12:00:00.250Z] \"GET http://example.org/a?key=secret\" 206 300 100 200 "
                + "1.5 \"holdfast; fwd=partial; fwd-status=206; stored\" complete \"-\"\n"
        )
    }

    @Test("Proxy-Status stands at its end: a response that was cut cannot carry it (RFC 9209 §2)")
    func proxyStatus() {
        let text = line { record in
            record.end = "cut: it closed"
            record.proxyStatus = ProxyStatus(
                error: .httpResponseIncomplete,
                nextHop: "example.org",
                details: "a \"quote\""
            )
        }
        let status = #"holdfast; error=http_response_incomplete; next-hop=example.org; details=\"a \\\"quote\\\"\""#
        #expect(text.hasSuffix(#"" cut:-it-closed ""# + status + "\"\n"))
    }

    @Test("The query can be left out")
    func withoutQuery() {
        #expect(line(keepsQuery: false).contains("\"GET http://example.org/a\" 206"))
    }

    @Test("Control bytes, quotes and what is not ASCII are escaped: a line stays one line (R101)")
    func escaping() {
        let text = line { record in
            record.uri = "http://example.org/\"\\\r\n\u{1B}[31mä"
            record.end = "cut: the origin left"
        }
        #expect(text.contains(#""GET http://example.org/\"\\\x0d\x0a\x1b[31m\xc3\xa4" 206"#))
        #expect(text.hasSuffix("\" cut:-the-origin-left \"-\"\n"))
        #expect(text.utf8.filter { $0 == 0x0A }.count == 1)
        #expect(text.utf8.dropLast().allSatisfy { (0x20..<0x7F).contains($0) })
    }

    @Test("A field has 2 KiB at the most, escapes counted (R101)", arguments: ["a", "\u{1}", "\""])
    func bounded(filler: String) {
        let text = line { $0.uri = String(repeating: filler, count: 16_384) }
        #expect(text.utf8.count < 2048 + 200)
        #expect(text.utf8.count > 2000)
        #expect(text.contains("...\" 206"))
    }

    @Test("An empty field is a dash")
    func empty() {
        #expect(line { $0.client = "" }.hasPrefix("- ["))
    }

    @Test(
        "Timestamps follow the calendar",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000_000_000, "2000-03-01T00:00:00.000Z"),
            (4_107_542_399_999_000_000, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
            (1_798_761_599_000_000_000, "2026-12-31T23:59:59.000Z"),
        ] as [(Int64, String)]
    )
    func timestamps(nanoseconds: Int64, text: String) {
        #expect(AccessLogLine.timestamp(nanoseconds) == text)
    }

    @Test("A diagnostic keeps its quotes and loses its line feeds")
    func diagnostic() {
        let bytes = AccessLogLine.diagnostic("a \"b\"\nc", at: 0)
        #expect(String(decoding: bytes, as: UTF8.self) == "1970-01-01T00:00:00.000Z a \"b\"\\x0ac\n")
    }
}

/// Keeps what is written; can be held, and can fail.
private final class TestSink: LogSink {
    struct State {
        var text = ""
        var failure: Int32?
        var writes = 0
        var isClosed = false
    }

    let state = Mutex(State())
    private let gate: DispatchSemaphore?
    /// Signalled when a write has begun.
    let began = DispatchSemaphore(value: 0)

    init(gate: DispatchSemaphore? = nil) { self.gate = gate }

    func write(_ lines: [UInt8]) throws(LogWriteFailure) {
        began.signal()
        gate?.wait()
        let failure = state.withLock { state in
            state.writes += 1
            if state.failure == nil { state.text += String(decoding: lines, as: UTF8.self) }
            return state.failure
        }
        if let failure { throw LogWriteFailure(code: failure) }
    }

    func close() { state.withLock { $0.isClosed = true } }
}

@Suite("The spool between those who log and the one who writes")
struct LogSpoolTests {
    private final class Losses: Sendable {
        let reported = Mutex<[(lines: Int, why: String)]>([])
        var lines: Int { reported.withLock { $0.reduce(0) { $0 + $1.lines } } }
    }

    private func spool(
        _ sink: TestSink,
        capacity: Int = 1 << 20,
        delay: Int64 = 0,
        losses: Losses = Losses()
    ) -> LogSpool<String> {
        LogSpool(
            sink: sink,
            capacity: capacity,
            delayNanoseconds: delay,
            format: { Array(($0 + "\n").utf8) },
            lost: { lines, why in losses.reported.withLock { $0.append((lines, why)) } }
        )
    }

    @Test("Lines come in their order, and a close writes what waits at once")
    func order() {
        let sink = TestSink()
        // An hour: only the close can bring them out in time.
        let spool = spool(sink, delay: 3_600_000_000_000)
        for number in 0..<100 { spool.append("\(number)", cost: 10) }
        spool.close()
        #expect(sink.state.withLock { $0.text } == (0..<100).map { "\($0)\n" }.joined())
        #expect(sink.state.withLock { $0.isClosed })
    }

    @Test("A full batch is written without waiting for the delay")
    func batch() {
        let sink = TestSink()
        let spool = spool(sink, delay: 3_600_000_000_000)
        for _ in 0..<64 { spool.append("x", cost: 1024) }
        #expect(sink.began.wait(timeout: .now() + 30) == .success)
        spool.close()
    }

    @Test("A sink that blocks costs lines, which are counted, and neither time nor memory (R101)")
    func blocked() {
        let gate = DispatchSemaphore(value: 0)
        let sink = TestSink(gate: gate)
        let losses = Losses()
        let spool = spool(sink, capacity: 1000, losses: losses)
        spool.append("first", cost: 10)
        // From here on the writer hangs, and all that comes has to fit into the buffer.
        sink.began.wait()
        for number in 0..<1000 { spool.append("\(number)", cost: 10) }
        for _ in 0..<10 { gate.signal() }
        spool.close()
        let written = sink.state.withLock { $0.text }.split(separator: "\n")
        #expect(written.count == 101)
        #expect(written.first == "first" && written.last == "99")
        #expect(losses.lines == 900)
    }

    @Test("Lines that the disk refuses are counted with its reason")
    func failing() {
        let sink = TestSink()
        sink.state.withLock { $0.failure = ENOSPC }
        let losses = Losses()
        let spool = spool(sink, delay: 3_600_000_000_000, losses: losses)
        for _ in 0..<7 { spool.append("x", cost: 1) }
        spool.close()
        #expect(losses.lines == 7)
        #expect(losses.reported.withLock { $0.last?.why } == String(cString: strerror(ENOSPC)))
    }

    @Test("After a close nothing is taken")
    func closed() {
        let sink = TestSink()
        let spool = spool(sink)
        spool.close()
        spool.append("late", cost: 1)
        spool.close()
        #expect(sink.state.withLock { $0.text }.isEmpty)
    }
}

@Suite("A log file of bounded size")
struct RotatingFileSinkTests {
    private func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    @Test("It is renamed to .1 when it is full, and five old ones are kept")
    func rotation() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/access.log"
        let sink = try RotatingFileSink(path: path, maxSize: 10)
        for number in 1...8 { try sink.write(Array("line \(number)\n".utf8)) }
        sink.close()
        #expect(text(path) == "line 8\n")
        #expect(
            (1...6).map { text("\(path).\($0)") } == ["line 7\n", "line 6\n", "line 5\n", "line 4\n", "line 3\n", nil]
        )
    }

    @Test("A file that is there already is continued, its size counted")
    func continued() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/access.log"
        for number in 1...2 {
            let sink = try RotatingFileSink(path: path, maxSize: 20)
            try sink.write(Array("line \(number)\n".utf8))
            sink.close()
        }
        #expect(text(path) == "line 1\nline 2\n")
        let sink = try RotatingFileSink(path: path, maxSize: 20)
        try sink.write(Array("line 3\n".utf8))
        #expect(text(path + ".1") == "line 1\nline 2\n")
        #expect(text(path) == "line 3\n")
    }

    @Test("Nobody else may read it")
    func rights() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/access.log"
        try RotatingFileSink(path: path, maxSize: 20).close()
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("A directory that is not there is an error at the start")
    func missing() {
        #expect(throws: LogWriteFailure.self) { try RotatingFileSink(path: "/nowhere/at/all/access.log", maxSize: 20) }
    }
}
