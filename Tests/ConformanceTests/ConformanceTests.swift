// The exchanges of the data files, each a test against the real program; and the proof that the runner can say no.

import FoundationEssentials
import ScriptedPeers
import Testing

@Suite("Conformance: exchanges from the texts of the RFCs", .onOwnThreads)
struct ConformanceTests {
    @Test("The exchange goes as the RFC says", arguments: Catalogue.all)
    func exchange(_ named: NamedExchange) throws {
        let stage = try Stage.shared.get()
        let outcome = try stage.play(named)
        guard !stage.onlyReports else { return }
        if let deviation = named.exchange.deviation {
            withKnownIssue(Comment(rawValue: deviation)) { Self.report(outcome, of: named.exchange) }
        } else {
            Self.report(outcome, of: named.exchange)
        }
    }

    private static func report(_ outcome: Outcome, of exchange: Exchange) {
        if let complaint = outcome.complaint {
            Issue.record("\(exchange.level.rawValue), \(exchange.rule): \(complaint)")
        }
    }

    @Test("Every data file can be read, and no two exchanges of a group have the same name")
    func catalogue() throws {
        let all = try Catalogue.read.get()
        let names = Dictionary(grouping: all, by: \.name)
        let doubled = names.filter { $0.value.count > 1 }.keys.sorted()
        #expect(doubled.isEmpty)
        let unfit = all.filter { named in
            !named.exchange.id.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
            }
        }
        #expect(unfit.map(\.name).isEmpty)
        // An exchange that expects nothing could not fail.
        let silent = all.filter { named in
            named.exchange.steps.allSatisfy { $0.expect == nil } || !named.exchange.rule.contains("§")
        }
        #expect(silent.map(\.name).isEmpty)
    }
}

@Suite("Conformance: the runner says no to what is wrong", .onOwnThreads)
struct RunnerTests {
    /// A fresh response is asked for twice; the second expectation is the given one.
    private static func outcome(
        expecting expectation: String,
        origin: String =
            #"{"body": "b", "fields": [["Cache-Control", "max-age=60"], ["Date", "$now"], ["ETag", "\"a\""]]}"#,
        laidOut: String = "[]"
    ) throws -> Outcome {
        let text = """
            {"id": "check", "rule": "§0", "says": "a check", "level": "must", "steps": [
              {"origin": \(origin), "expect": {"from": "origin"}},
              {"origin": \(laidOut), "expect": \(expectation)}]}
            """
        let exchange = try JSONDecoder().decode(Exchange.self, from: Data(text.utf8))
        let stage = try Stage.shared.get()
        return stage.runner.run(exchange, under: "/self-check/\(UInt64.random(in: 0 ... .max))")
    }

    @Test(
        "An expectation that holds passes",
        arguments: [
            #"{"from": "cache", "status": 200, "body": "b", "fields": [["Age", "~number<=30"], ["ETag", "\"a\""]]}"#,
            #"{"from": "any", "status": [200, 304], "fields": [["X", null], ["Date", "~date"], ["ETag", "*"]]}"#,
            #"{"origin-request": {"count": 0}, "fields": [["ETag", "~not b"], ["Cache-Status", "~contains hit"]]}"#,
        ]
    )
    func holds(expectation: String) throws {
        let outcome = try Self.outcome(expecting: expectation)
        #expect(outcome.complaint == nil)
    }

    @Test(
        "An expectation that does not hold fails",
        arguments: [
            #"{"from": "origin"}"#, #"{"from": "validated"}"#, #"{"status": 304}"#, #"{"body": "a"}"#,
            #"{"fields": [["ETag", null]]}"#, #"{"fields": [["X", "*"]]}"#, #"{"fields": [["ETag", "a"]]}"#,
            #"{"fields": [["Age", "~number>=31"]]}"#, #"{"fields": [["ETag", "~number"]]}"#,
            #"{"fields": [["ETag", "~date"]]}"#, #"{"fields": [["ETag", "~not \"a\""]]}"#,
            #"{"fields": [["ETag", "~contains z"]]}"#, #"{"fields": [["ETag", "~lacks a"]]}"#,
            #"{"cut": true}"#, #"{"interim": [103]}"#, #"{"background": true}"#,
            #"{"parts": [{"range": "bytes 0-0/1", "body": "b"}]}"#, #"{"origin-request": {"count": 1}}"#,
            #"{"origin-request": {"method": "GET"}}"#,
        ]
    )
    func fails(expectation: String) throws {
        let outcome = try Self.outcome(expecting: expectation)
        #expect(outcome.complaint != nil)
    }

    @Test("A request for which no answer is laid out fails the step")
    func unexpectedRequest() throws {
        let unstorable = #"{"body": "b", "fields": [["Cache-Control", "no-store"]]}"#
        let outcome = try Self.outcome(expecting: #"{"from": "any"}"#, origin: unstorable)
        #expect(outcome.complaint?.contains("a request too many") == true)
    }

    @Test("A request whose fields are not as expected fails the step")
    func wrongRequest() throws {
        let stale = #"{"body": "b", "fields": [["Cache-Control", "max-age=0"], ["Date", "$now"], ["ETag", "\"a\""]]}"#
        let answer = #"{"status": 304, "fields": [["ETag", "\"a\""], ["Date", "$now"]]}"#
        let right = #"{"from": "validated", "origin-request": {"fields": [["If-None-Match", "\"a\""]]}}"#
        let wrong = #"{"from": "validated", "origin-request": {"fields": [["If-None-Match", "\"b\""]]}}"#
        let absent = #"{"from": "validated", "origin-request": {"fields": [["If-None-Match", null]]}}"#
        #expect(try Self.outcome(expecting: right, origin: stale, laidOut: answer).complaint == nil)
        #expect(try Self.outcome(expecting: wrong, origin: stale, laidOut: answer).complaint != nil)
        #expect(try Self.outcome(expecting: absent, origin: stale, laidOut: answer).complaint != nil)
    }
}
