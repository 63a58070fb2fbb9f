// Where an operator's rule stands for the validator (resume-rules 11): what the answer must say, what is
// compared on either side of a hole, and when a hole is closed. The file has 1,000 bytes; by the rule at
// least 10 bytes are compared, whatever `overlapProbe` says.

import HTTPSemantics
import Resume
import Testing

@Suite("Immutable by rule: does the answer continue what is held? (resume-rules 11)")
struct ImmutableContinuationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var known = ImmutableContinuationTests.known()
        var overlap: Int64 = 20
        var status = 206
        var fields: [(KnownField, String)] = []
        var contentLength: Int64?
        var answer: ContinuationAnswer
        var testDescription: String { name }
    }

    private static func known(
        length: Int64? = 1000,
        encoding: String? = nil,
        tag: String? = nil,
        date: String? = nil
    ) -> KnownVersion {
        KnownVersion(
            validator: .immutable,
            completeLength: length,
            highestHeldEnd: 500,
            contentEncoding: encoding,
            contentType: "application/octet-stream",
            entityTag: tag,
            lastModified: date
        )
    }

    private static let good = ContinuationAnswer.continues(span: 480..<1000, completeLength: 1000)
    private static let range: (KnownField, String) = (.contentRange, "bytes 480-999/1000")

    @Test(
        "A 206 continues under the known complete length, and where it contradicts nothing that is stored",
        arguments: [
            Case(name: "no validator at all", fields: [range], contentLength: 520, answer: good),
            Case(name: "nothing is held before the hole", overlap: 0, fields: [range], answer: good),
            Case(
                name: "another complete length",
                fields: [(.contentRange, "bytes 480-999/1001")],
                answer: .newVersion
            ),
            Case(
                name: "the origin does not say its length",
                fields: [(.contentRange, "bytes 480-999/*")],
                answer: .newVersion
            ),
            Case(
                name: "the length was not known before",
                known: known(length: nil),
                fields: [range],
                answer: .newVersion
            ),
            Case(
                name: "known on neither side",
                known: known(length: nil),
                fields: [(.contentRange, "bytes 480-999/*")],
                answer: .newVersion
            ),
            Case(name: "a tag where none is stored", fields: [range, (.etag, "\"a\"")], answer: good),
            Case(name: "no tag where one is stored", known: known(tag: "W/\"a\""), fields: [range], answer: good),
            Case(
                name: "the stored weak tag",
                known: known(tag: "W/\"a\""),
                fields: [range, (.etag, "W/\"a\"")],
                answer: good
            ),
            Case(
                name: "another weak tag",
                known: known(tag: "W/\"a\""),
                fields: [range, (.etag, "W/\"b\"")],
                answer: .newVersion
            ),
            Case(
                name: "a strong tag instead of the weak one",
                known: known(tag: "W/\"a\""),
                fields: [range, (.etag, "\"a\"")],
                answer: .newVersion
            ),
            Case(
                name: "two tags instead of one",
                known: known(tag: "\"a\""),
                fields: [range, (.etag, "\"a\""), (.etag, "\"b\"")],
                answer: .newVersion
            ),
            Case(
                name: "the stored date",
                known: known(date: modifiedText),
                fields: [range, (.lastModified, modifiedText)],
                answer: good
            ),
            Case(
                name: "another date",
                known: known(date: modifiedText),
                fields: [range, (.lastModified, nowText)],
                answer: .newVersion
            ),
            Case(name: "a date where none is stored", fields: [range, (.lastModified, nowText)], answer: good),
            Case(
                name: "another Content-Type",
                fields: [range, (.contentType, "text/html")],
                answer: .broken(.contentTypeChanged)
            ),
            Case(
                name: "another Content-Encoding",
                fields: [range, (.contentEncoding, "gzip")],
                answer: .broken(.contentEncodingChanged)
            ),
            Case(
                name: "encoded content is not joined (rule 8)",
                known: known(encoding: "gzip"),
                fields: [range, (.contentEncoding, "gzip")],
                answer: .broken(.encodedWithoutEntityTag)
            ),
            Case(
                name: "another start than the one asked for",
                fields: [(.contentRange, "bytes 481-999/1000")],
                answer: .broken(.wrongStart)
            ),
            Case(name: "a 200 begins anew (R31)", status: 200, contentLength: 1000, answer: .newVersion),
            Case(
                name: "416 does not tell a length that was not known",
                known: known(length: nil),
                status: 416,
                fields: [(.contentRange, "bytes */500")],
                answer: .broken(.unsatisfiedRangeContradicts)
            ),
        ]
    )
    func judges(_ test: Case) {
        // Where 416 is meaningful, what was asked for lies behind what is held.
        let start: Int64 = test.status == 416 ? 500 : 480
        let answer = ContinuationCheck.check(
            asked: AskedSpan(start: start, end: 1000, overlap: test.overlap),
            known: test.known,
            response: ResponseHead(status: test.status, fields: fields(test.fields)),
            contentLength: test.contentLength,
            receivedAt: now
        )
        #expect(answer == test.answer)
    }

    @Test("Without a complete length, and under a content coding, no continuation is asked for (rules 8 and 11)")
    func worthAsking() {
        #expect(Self.known().mayBeContinued)
        #expect(Self.known(encoding: "identity").mayBeContinued)
        #expect(!Self.known(length: nil).mayBeContinued)
        #expect(!Self.known(encoding: "gzip").mayBeContinued)
    }

    @Test("A 200 is the whole of this version where its length is the known one and it contradicts nothing")
    func whole() throws {
        func isWhole(_ known: KnownVersion, _ length: Int64?, _ lines: [(KnownField, String)] = [], status: Int = 200)
            -> Bool
        {
            known.isWhole(
                ResponseHead(status: status, fields: fields(lines)),
                contentLength: length,
                receivedAt: now
            )
        }
        #expect(isWhole(Self.known(), 1000))
        #expect(isWhole(Self.known(), 1000, [(.etag, "\"a\"")]))
        #expect(!isWhole(Self.known(), 1000, status: 206))
        #expect(!isWhole(Self.known(), 999))
        #expect(!isWhole(Self.known(), nil))
        #expect(!isWhole(Self.known(length: nil), nil))
        #expect(!isWhole(Self.known(length: nil), 1000))
        #expect(!isWhole(Self.known(tag: "W/\"a\""), 1000, [(.etag, "W/\"b\"")]))
        #expect(!isWhole(Self.known(), 1000, [(.contentEncoding, "gzip")]))
        #expect(!isWhole(Self.known(), 1000, [(.contentType, "text/html")]))

        // The origin's own validator is enough where a length is not known; no rule changes that.
        let tag = try #require(EntityTag.parse("\"a\""))
        func tagged(_ length: Int64?) -> KnownVersion {
            KnownVersion(
                validator: .etag(tag),
                completeLength: length,
                highestHeldEnd: 0,
                contentEncoding: nil,
                contentType: nil
            )
        }
        #expect(isWhole(tagged(1000), 1000, [(.etag, "\"a\"")]))
        #expect(isWhole(tagged(nil), 1000, [(.etag, "\"a\"")]))
        #expect(isWhole(tagged(1000), nil, [(.etag, "\"a\"")]))
        #expect(!isWhole(tagged(1000), 999, [(.etag, "\"a\"")]))
        #expect(!isWhole(tagged(1000), 1000, [(.etag, "\"b\"")]))
        #expect(!isWhole(tagged(1000), 1000))
    }
}

@Suite("Immutable by rule: what is compared on either side of a hole (resume-rules 11)")
struct ImmutablePlanTests {
    struct Situation: Sendable, CustomTestStringConvertible {
        var name: String
        var held: [Range<Int64>] = []
        var claims: [Claim] = []
        var want: Range<Int64>? = 0..<1000
        var actions: [FillAction]
        var testDescription: String { name }
    }

    private static let plan = FillPlan(
        gapThreshold: 20,
        overlapProbe: 0,
        patienceSeconds: 2,
        validatorIsByRule: true,
        leastProbeByRule: 10
    )

    private static func start(_ range: Range<Int64>, overlap: Int64 = 0) -> FillAction {
        .start(range, openEnd: false, overlap: overlap)
    }

    @Test("The probe is what the operator wrote, and 16 KiB at the least; without a rule nothing changes")
    func probe() {
        #expect(FillPlan(overlapProbe: 0).probe == 0)
        #expect(FillPlan(overlapProbe: 0).probeBehind == 0)
        #expect(FillPlan(overlapProbe: 0, validatorIsByRule: true).probe == 16 << 10)
        #expect(FillPlan(overlapProbe: 0, validatorIsByRule: true).probeBehind == 16 << 10)
        #expect(FillPlan(overlapProbe: 64 << 10, validatorIsByRule: true).probe == 64 << 10)
    }

    @Test(
        "A claim begins before its hole and ends behind it, as far as bytes are held and unclaimed",
        arguments: [
            Situation(name: "nothing is held", actions: [start(0..<1000)]),
            Situation(name: "held before", held: [0..<300], actions: [start(300..<1000, overlap: 10)]),
            Situation(name: "a little is held before", held: [0..<4], actions: [start(4..<1000, overlap: 4)]),
            Situation(name: "held behind: the hole is at 0", held: [300..<1000], actions: [start(0..<310)]),
            Situation(
                name: "held behind: the hole follows another one",
                held: [0..<50, 300..<1000],
                want: 100..<1000,
                actions: [start(100..<310)]
            ),
            Situation(
                name: "a little is held behind, up to the end of what is wanted",
                held: [300..<304],
                want: 0..<304,
                actions: [start(0..<304)]
            ),
            Situation(
                name: "held on both sides",
                held: [0..<100, 300..<1000],
                actions: [start(100..<310, overlap: 10)]
            ),
            Situation(
                name: "what is held begins where the wanted range ends",
                held: [200..<400],
                want: 100..<200,
                actions: [start(100..<210)]
            ),
            Situation(
                name: "what is held begins inside the wanted range and goes on behind it",
                held: [150..<400],
                want: 100..<200,
                actions: [start(100..<160)]
            ),
            Situation(
                name: "a short run is read through, and what lies behind the last hole is compared",
                held: [100..<110, 300..<1000],
                actions: [start(0..<310)]
            ),
            Situation(
                name: "never into the claim of another fill",
                held: [300..<305],
                claims: [Claim(fill: 1, offset: 305, end: 1000, bytesPerSecond: 0, mayBeCut: true)],
                actions: [start(0..<305)]
            ),
            Situation(
                name: "where another fill begins there is nothing to compare",
                claims: [Claim(fill: 1, offset: 300, end: 1000, bytesPerSecond: 0, mayBeCut: true)],
                actions: [start(0..<300)]
            ),
            Situation(
                name: "a running fill ends behind its hole too",
                held: [0..<10, 300..<1000],
                claims: [Claim(fill: 1, offset: 10, end: 1000, bytesPerSecond: 0, mayBeCut: true)],
                actions: [.cut(fill: 1, at: 310)]
            ),
            Situation(
                name: "that end stands when it comes there",
                held: [0..<300, 300..<1000],
                claims: [Claim(fill: 1, offset: 304, end: 310, bytesPerSecond: 0, mayBeCut: true)],
                actions: []
            ),
            Situation(
                name: "that end stands before it comes there",
                held: [0..<290, 300..<1000],
                claims: [Claim(fill: 1, offset: 290, end: 310, bytesPerSecond: 0, mayBeCut: true)],
                actions: []
            ),
            Situation(
                name: "one that is taken over ends behind its hole, before the reader's byte",
                held: [700..<715],
                claims: [Claim(fill: 1, offset: 0, end: 1000, bytesPerSecond: 10, mayBeCut: true)],
                want: 715..<1000,
                actions: [.cut(fill: 1, at: 710), start(715..<1000, overlap: 10)]
            ),
        ]
    )
    func plans(_ test: Situation) {
        let wants = test.want.map { [Want(reader: 1, position: $0.lowerBound, end: $0.upperBound)] } ?? []
        let actions = Self.plan.actions(
            held: ByteRangeSet(test.held),
            claims: test.claims,
            wants: wants,
            background: ByteRangeSet(),
            completeLength: 1000,
            mayStart: 16
        )
        #expect(actions == test.actions)
    }
}

@Suite("Immutable by rule: when a hole is closed (resume-rules 11)")
struct ImmutableFillTests {
    private let held = ByteRangeSet([300..<1000])

    /// 0..<300 is missing; the claim reads on into what is held behind it.
    private func receiving(until end: Int64 = 310, probeBehind: Int64 = 10) -> FillStateMachine {
        var machine = FillStateMachine(range: 0..<end, probeBehind: probeBehind)
        _ = machine.slotFree()
        _ = machine.continued(span: 0..<end, compareUntil: 0)
        return machine
    }

    /// The last byte is set aside, and the first four of those behind it are under comparison.
    private func awaiting() -> FillStateMachine {
        var machine = receiving()
        _ = machine.bytesReceived(299, held: held)
        _ = machine.bytesReceived(1, held: held)
        _ = machine.bytesReceived(4, held: held)
        return machine
    }

    @Test("The last byte before held bytes is set aside, and written once those are found equal")
    func closes() {
        var machine = receiving()
        #expect(machine.bytesReceived(400, held: held) == .write(0..<299, filled: false))
        #expect(machine.bytesReceived(101, held: held) == .setAside(299..<300))
        #expect(machine.bytesReceived(4, held: held) == .compare(300..<304))
        #expect(machine.bytesReceived(4, held: held) == .hold)
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.extent?.offset == 299, "what is set aside is not stored")
        #expect(machine.bytesReceived(96, held: held) == .compare(304..<310))
        #expect(machine.compared(equal: true) == .writeSetAside(299..<300, filled: true))
        #expect(machine.state == .filled(0..<310))
    }

    @Test("A difference rejects the version, and the hole is not closed", arguments: [false, true])
    func rejects(later: Bool) {
        var machine = awaiting()
        if later {
            #expect(machine.compared(equal: true) == .goOn)
            #expect(machine.bytesReceived(6, held: held) == .compare(304..<310))
        }
        #expect(machine.compared(equal: false) == .rejected)
        #expect(machine.state == .failed(.overlapDiffers))
    }

    @Test("Where the origin fails before the verdict, the byte that was set aside is asked for again")
    func asksAgain() {
        var machine = awaiting()
        #expect(machine.originFailed(.closed, resumable: true) == .afterVerdict)
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.originFailed(.closed, resumable: true) == .wait(attempt: 1))
        let request = machine.retryDue(overlap: 10)
        #expect(request == FillRequest(missing: 299..<310, overlap: 10, attempt: 2))
        #expect(machine.continued(span: 289..<310, compareUntil: 299) == .readBody)
        let all = ByteRangeSet([0..<299, 300..<1000])
        #expect(machine.bytesReceived(21, held: all) == .compare(289..<299))
        #expect(machine.compared(equal: true) == .goOn, "its own bytes prove nothing of what lies behind the hole")
        #expect(machine.bytesReceived(11, held: all) == .setAside(299..<300))
        #expect(machine.bytesReceived(10, held: all) == .compare(300..<310))
        #expect(machine.compared(equal: true) == .writeSetAside(299..<300, filled: true))
    }

    @Test("A short run that is read through is compared before the hole in front of it is closed")
    func readsThrough() {
        let held = ByteRangeSet([100..<120, 300..<1000])
        var machine = receiving()
        #expect(machine.bytesReceived(310, held: held) == .write(0..<99, filled: false))
        #expect(machine.bytesReceived(211, held: held) == .setAside(99..<100))
        #expect(machine.bytesReceived(210, held: held) == .compare(100..<110))
        #expect(machine.compared(equal: true) == .writeSetAside(99..<100, filled: false))
        #expect(machine.bytesReceived(200, held: held) == .compare(110..<120), "the rest of the run")
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.bytesReceived(190, held: held) == .write(120..<299, filled: false))
    }

    @Test("A claim that ends where held bytes begin has nothing to compare")
    func endsBefore() {
        var machine = receiving(until: 300)
        #expect(machine.bytesReceived(300, held: held) == .write(0..<300, filled: true))
    }

    @Test("Under a validator of the origin nothing is set aside")
    func withoutRule() {
        var machine = receiving(probeBehind: 0)
        #expect(machine.bytesReceived(400, held: held) == .write(0..<300, filled: false))
    }

    @Test("What is cut off while the verdict is awaited is not written (invariant 6)")
    func cutOff() {
        var machine = awaiting()
        #expect(machine.claimCut(at: 299) == .goOn)
        #expect(machine.compared(equal: true) == .filled)
        #expect(machine.state == .filled(0..<299))

        machine = awaiting()
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.claimCut(at: 299) == .filled)
        #expect(machine.compared(equal: true) == .nothing)
    }

    @Test("A cut inside what was compared leaves the verdict that was reached")
    func cutInside() {
        var machine = awaiting()
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.claimCut(at: 302) == .goOn)
        #expect(machine.bytesReceived(6, held: held) == .compare(304..<304))
        #expect(machine.compared(equal: true) == .writeSetAside(299..<300, filled: true))
    }
}
