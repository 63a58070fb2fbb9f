// What is made of a stored head: the heads that are stored, the answers from them, the part that is wanted.

import HTTPSemantics
import Testing

@Suite("Answers from a stored response (RFC 9110 §15, RFC 9111 §4)")
struct AnswerHeadTests {
    private let stored = response(
        200,
        [
            "Date": "d", "ETag": "\"a\"", "Content-Type": "t", "Content-Length": "2", "Cache-Control": "public",
            "Age": "9",
        ]
    )

    @Test("The whole has the complete length, an age, and says that there are ranges")
    func whole() {
        let head = AnswerHead.whole(stored: stored, age: 12, completeLength: 1000)
        #expect(head.status == 200)
        #expect(
            lines(head.fields) == [
                "Date: d", "ETag: \"a\"", "Content-Type: t", "Content-Length: 1000", "Cache-Control: public", "Age: 12",
                "Accept-Ranges: bytes",
            ]
        )
        let open = AnswerHead.whole(stored: stored, age: nil, completeLength: nil)
        #expect(!open.fields.contains(.contentLength))
        #expect(open.fields.first(.age) == "9")
        #expect(!AnswerHead.whole(stored: response(404), age: 1, completeLength: 0).fields.contains(.acceptRanges))
    }

    @Test("A part has its own length and its place (§15.3.7.1)")
    func partial() {
        let head = AnswerHead.partial(stored: stored, range: 10..<20, completeLength: 1000, age: 12)
        #expect(head.status == 206)
        #expect(head.fields.only(.contentLength) == "10")
        #expect(head.fields.only(.contentRange) == "bytes 10-19/1000")
        #expect(head.fields.only(.etag) == "\"a\"")
        let open = AnswerHead.partial(stored: stored, range: 10..<20, completeLength: nil, age: nil)
        #expect(open.fields.only(.contentRange) == "bytes 10-19/*")
    }

    @Test("To If-Range, a part does not repeat what its client has of the representation (§15.3.7)")
    func partialToIfRange() {
        let head = response(
            200,
            [
                "Date": "d", "Cache-Control": "public", "ETag": "\"a\"", "Expires": "e", "Content-Location": "c",
                "Vary": "v", "Last-Modified": "l", "Content-Type": "t", "Content-Encoding": "gzip",
                "Content-Language": "de", "Server": "s", "Via": "w", "Content-Length": "1000",
            ]
        )
        func names(_ head: ResponseHead, _ hasIfRange: Bool) -> Set<String> {
            let part = AnswerHead.partial(
                stored: head,
                range: 0..<1,
                completeLength: 1000,
                age: 1,
                hasIfRange: hasIfRange
            )
            #expect(part.fields.only(.contentLength) == "1")
            #expect(part.fields.only(.contentRange) == "bytes 0-0/1000")
            var names: Set<String> = []
            part.fields.forEach { names.insert($0.name) }
            return names
        }
        #expect(names(head, false).subtracting(names(head, true)) == ["Last-Modified", "Content-Language"])
        #expect(names(head, true).isSuperset(of: ["Date", "Age", "ETag", "Content-Type", "Content-Encoding", "Vary"]))
        var dated = head
        dated.fields.removeAll(.etag)
        #expect(names(dated, true).contains("Last-Modified"))
    }

    @Test("304 says nothing of the content (§15.4.5)")
    func notModified() {
        let head = AnswerHead.notModified(stored: stored, age: 12)
        #expect(head.status == 304)
        #expect(lines(head.fields) == ["Date: d", "ETag: \"a\"", "Cache-Control: public", "Age: 12"])
    }

    @Test("416 says how long the whole is (§15.5.17)")
    func unsatisfiable() {
        let head = AnswerHead.unsatisfiable(completeLength: 1000)
        #expect(head.status == 416)
        #expect(lines(head.fields) == ["Content-Range: bytes */1000", "Accept-Ranges: bytes"])
    }

    @Test("A 206 is stored as a 200, with a Date and our Via, without its Content-Range (RFC 9111 §3.3)")
    func storing() {
        let answer = response(206, ["Connection": "close", "Content-Range": "bytes 0-1/2", "ETag": "\"a\""])
        let head = StoredAnswerHead.storing(answer, pseudonym: "holdfast", receivedAt: instant)
        #expect(head.status == 200)
        #expect(
            lines(head.fields) == ["ETag: \"a\"", "Via: 1.1 holdfast", "Date: Tue, 15 Nov 1994 08:12:31 GMT"]
        )
        let passing = StoredAnswerHead.passing(answer, pseudonym: "holdfast", receivedAt: instant)
        #expect(passing.status == 206)
        #expect(passing.fields.contains(.contentRange))
        #expect(!passing.fields.contains(.connection))
    }

    @Test("What is kept to ask again has neither conditions nor credentials (resume-rules 4)")
    func template() {
        let fields = section([
            "Host": "a", "Range": "bytes=0-", "If-Range": "x", "If-None-Match": "x", "Authorization": "x",
            "Cookie": "c",
            "Accept-Encoding": "gzip",
        ])
        #expect(lines(RequestTemplate.of(fields)) == ["Host: a", "Accept-Encoding: gzip"])
        #expect(lines(RequestTemplate.credentials(of: fields)) == ["Authorization: x", "Cookie: c"])
    }

    @Test(
        "Which part is wanted, as far as it can be told (RFC 9110 §14.2)",
        arguments: [
            ("bytes=0-9", nil, .part(0..<10)),
            ("bytes=0-10", nil, .whole),
            ("bytes=5-", nil, .whole),
            ("bytes=-5", nil, .whole),
            ("bytes=0-9223372036854775807", nil, .whole),
            ("bytes=5-", 10, .part(5..<10)),
            ("bytes=-5", 10, .part(5..<10)),
            ("bytes=10-", 10, .unsatisfiable(completeLength: 10)),
            ("bytes=0-1,3-4", 10, .part(0..<5)),
            ("bytes=0-1,3-4", nil, .whole),
            ("bytes=x", 10, .whole),
        ] as [(String, Int64?, WantedPart)]
    )
    func wanted(range: String, completeLength: Int64?, expected: WantedPart) {
        let validator = StrongValidator.of(stored.fields, receivedAt: instant)
        func ask(_ head: RequestHead, _ stored: ResponseHead) -> WantedPart {
            WantedPart.of(head, stored: stored, validator: validator, completeLength: completeLength) {
                $0.upperBound <= 10
            }
        }
        #expect(ask(request(["Range": range]), stored) == expected)
        #expect(ask(request(["Range": range, "If-Range": "\"a\""]), stored) == expected)
        #expect(ask(request(["Range": range, "If-Range": "\"b\""]), stored) == .whole)
        #expect(ask(request(["Range": range], method: .head), stored) == .whole)
        #expect(ask(request(["Range": range]), response(404)) == .whole)
        #expect(ask(request(), stored) == .whole)
    }
}
