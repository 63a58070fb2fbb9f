// Which answer to a plain GET is worth comparing from byte 0 (resume-rules 5 and 11), in tables.

import HTTPSemantics
import Resume
import Testing

@Suite("The verified restart (resume-rules 11)")
struct VerifiedRestartTests {
    private static let known = VerifiedRestart.Known(
        completeLength: 100,
        offset: 40,
        fields: section(["ETag": "W/\"a\"", "Last-Modified": "x", "Content-Type": "text/plain"])
    )

    private static func section(_ pairs: KeyValuePairs<String, String>) -> FieldSection {
        var fields = FieldSection()
        for (name, value) in pairs { fields.append(name: name, value: value) }
        return fields
    }

    private func judge(
        _ status: Int = 200,
        _ fields: KeyValuePairs<String, String> = [:],
        length: Int64? = 100,
        known: VerifiedRestart.Known = Self.known
    ) -> RestartAnswer {
        VerifiedRestart.judge(
            ResponseHead(status: status, fields: Self.section(fields)),
            contentLength: length,
            known: known
        )
    }

    @Test("A 200 of the same length, which contradicts nothing, is compared")
    func same() {
        #expect(judge() == .compare(completeLength: 100))
        #expect(judge(200, ["ETag": "W/\"a\"", "Last-Modified": "x"]) == .compare(completeLength: 100))
        #expect(judge(200, ["Content-Type": "text/plain"]) == .compare(completeLength: 100))
        // Without a length of its own the known one holds.
        #expect(judge(length: nil) == .compare(completeLength: 100))
        var unknown = Self.known
        unknown.completeLength = nil
        #expect(judge(length: nil, known: unknown) == .compare(completeLength: nil))
        #expect(judge(length: 70, known: unknown) == .compare(completeLength: 70))
    }

    @Test("What it names and names differently is another version")
    func other() {
        #expect(judge(length: 101) == .changed)
        #expect(judge(length: 99) == .changed)
        #expect(judge(200, ["ETag": "W/\"b\""]) == .changed)
        #expect(judge(200, ["ETag": "\"a\""]) == .changed)
        #expect(judge(200, ["Last-Modified": "y"]) == .changed)
        #expect(judge(200, ["Content-Type": "text/html"]) == .changed)
        #expect(judge(200, ["Content-Encoding": "gzip"]) == .changed)
        var unknown = Self.known
        unknown.completeLength = nil
        #expect(judge(length: 39, known: unknown) == .changed)
        var encoded = Self.known
        encoded.fields = Self.section(["Content-Encoding": "gzip"])
        #expect(judge(known: encoded) == .changed)
        #expect(judge(200, ["Content-Encoding": "gzip"], known: encoded) == .compare(completeLength: 100))
    }

    @Test(
        "Other statuses (rule 5)",
        arguments: [
            (408, .transient(status: 408)), (425, .transient(status: 425)), (429, .transient(status: 429)),
            (500, .transient(status: 500)), (503, .transient(status: 503)), (302, .gone(status: 302)),
            (404, .gone(status: 404)), (410, .gone(status: 410)), (206, .changed), (204, .changed),
        ] as [(Int, RestartAnswer)]
    )
    func statuses(status: Int, expected: RestartAnswer) {
        #expect(judge(status) == expected)
    }

    @Test("It ends where more than the limit would be fetched again")
    func limit() {
        #expect(VerifiedRestart.isWorthwhile(offset: 10, fetchedAgain: 0, limit: 10))
        #expect(!VerifiedRestart.isWorthwhile(offset: 11, fetchedAgain: 0, limit: 10))
        #expect(!VerifiedRestart.isWorthwhile(offset: 5, fetchedAgain: 6, limit: 10))
        #expect(!VerifiedRestart.isWorthwhile(offset: 0, fetchedAgain: 0, limit: 0))
        #expect(!VerifiedRestart.isWorthwhile(offset: .max, fetchedAgain: 1, limit: .max))
    }
}
