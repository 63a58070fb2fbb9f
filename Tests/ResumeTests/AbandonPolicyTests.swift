// The last reader left: finish, park or drop (resume-rules 6), as a table.

import HTTPSemantics
import Resume
import Testing

@Suite("AbandonPolicy: the last reader left (resume-rules 6)")
struct AbandonPolicyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var policy = AbandonPolicy()
        var resumable = true
        var storable = true
        var credentialed = false
        var completeLength: Int64? = 1000
        var held: Int64 = 350
        var remaining: Int64? = 650
        var validator = ValidatorStrength.entityTag
        var bytesPerSecond: Int64 = 0
        var room: Int64?
        var minuteOfDay = 720
        var decision: AbandonDecision
        var reason: AbandonReason
        var takeUpAfterMinutes: Int?
        var testDescription: String { name }
    }

    /// 01:00 to 06:00.
    private static let night = FinishWindow(start: 60, end: 360)

    @Test(
        "The three modes, the conditions and the bounds",
        arguments: [
            Case(name: "finish is the default", decision: .finish, reason: .noCondition),
            Case(name: "park", policy: AbandonPolicy(onDisconnect: .park), decision: .park, reason: .directive),
            Case(name: "drop", policy: AbandonPolicy(onDisconnect: .drop), decision: .drop, reason: .directive),
            Case(
                name: "park what cannot be resumed: it would be lost anyway",
                policy: AbandonPolicy(onDisconnect: .park),
                resumable: false,
                decision: .drop,
                reason: .directive
            ),
            Case(name: "what is not stored is not finished", storable: false, decision: .drop, reason: .notStorable),
            Case(
                name: "what is not stored is not parked",
                policy: AbandonPolicy(onDisconnect: .park),
                storable: false,
                decision: .drop,
                reason: .notStorable
            ),
            Case(
                name: "credentials are not used without their client",
                credentialed: true,
                decision: .park,
                reason: .credentials
            ),
            Case(
                name: "credentials, not resumable",
                resumable: false,
                credentialed: true,
                held: 999,
                decision: .drop,
                reason: .credentials
            ),
            Case(
                name: "as large as allowed",
                policy: AbandonPolicy(maxObjectSize: 1000),
                decision: .finish,
                reason: .noCondition
            ),
            Case(name: "too large", policy: AbandonPolicy(maxObjectSize: 999), decision: .park, reason: .tooLarge),
            Case(
                name: "too large already, length unknown",
                policy: AbandonPolicy(maxObjectSize: 349),
                completeLength: nil,
                remaining: nil,
                decision: .park,
                reason: .tooLarge
            ),
            Case(
                name: "finish_below met",
                policy: AbandonPolicy(finishBelow: 650),
                decision: .finish,
                reason: .finishBelow
            ),
            Case(
                name: "finish_below missed",
                policy: AbandonPolicy(finishBelow: 649),
                decision: .park,
                reason: .noConditionMet
            ),
            Case(
                name: "finish_below counts what was asked for, not the whole",
                policy: AbandonPolicy(finishBelow: 100),
                remaining: 100,
                decision: .finish,
                reason: .finishBelow
            ),
            Case(
                name: "what remains follows from the length where it is not given",
                policy: AbandonPolicy(finishBelow: 650),
                remaining: nil,
                decision: .finish,
                reason: .finishBelow
            ),
            Case(
                name: "finish_share met",
                policy: AbandonPolicy(finishShare: 0.35),
                decision: .finish,
                reason: .finishShare
            ),
            Case(
                name: "finish_share missed",
                policy: AbandonPolicy(finishShare: 0.36),
                decision: .park,
                reason: .noConditionMet
            ),
            Case(
                name: "one condition of two is enough",
                policy: AbandonPolicy(finishBelow: 1, finishShare: 0.3),
                decision: .finish,
                reason: .finishShare
            ),
            Case(
                name: "none of two",
                policy: AbandonPolicy(finishBelow: 1, finishShare: 0.9),
                decision: .park,
                reason: .noConditionMet
            ),
            Case(
                name: "nothing remains",
                policy: AbandonPolicy(finishBelow: -1),
                remaining: 0,
                decision: .finish,
                reason: .nothingMissing
            ),
            Case(
                name: "not resumable, share below one half",
                resumable: false,
                held: 499,
                decision: .drop,
                reason: .unresumableShare
            ),
            Case(
                name: "not resumable, share of one half",
                resumable: false,
                held: 500,
                decision: .finish,
                reason: .unresumableShare
            ),
            Case(
                name: "not resumable, share of its own directive",
                policy: AbandonPolicy(finishBelow: 1, finishShareUnresumable: 0.3),
                resumable: false,
                decision: .finish,
                reason: .unresumableShare
            ),
            Case(
                name: "length unknown",
                completeLength: nil,
                remaining: nil,
                decision: .finish,
                reason: .unknownLength
            ),
            Case(
                name: "length unknown, not resumable",
                resumable: false,
                completeLength: nil,
                remaining: nil,
                decision: .finish,
                reason: .unknownLength
            ),
            Case(
                name: "finish_eta met",
                policy: AbandonPolicy(finishETASeconds: 10),
                bytesPerSecond: 65,
                decision: .finish,
                reason: .finishETA
            ),
            Case(
                name: "finish_eta missed",
                policy: AbandonPolicy(finishETASeconds: 10),
                bytesPerSecond: 50,
                decision: .park,
                reason: .noConditionMet
            ),
            Case(
                name: "finish_eta, rate unknown",
                policy: AbandonPolicy(finishETASeconds: 10),
                decision: .park,
                reason: .noConditionMet
            ),
            Case(name: "room for exactly the rest", room: 650, decision: .finish, reason: .noCondition),
            Case(name: "no room for the rest", room: 649, decision: .park, reason: .noRoom),
            Case(
                name: "no room, not resumable",
                resumable: false,
                held: 900,
                remaining: 100,
                room: 0,
                decision: .drop,
                reason: .noRoom
            ),
            Case(
                name: "no room, length unknown",
                completeLength: nil,
                remaining: nil,
                room: 0,
                decision: .park,
                reason: .noRoom
            ),
            Case(name: "no room is needed", remaining: 0, room: 0, decision: .finish, reason: .nothingMissing),
            Case(
                name: "as strong a validator as is demanded",
                policy: AbandonPolicy(leastValidator: .date),
                validator: .date,
                decision: .finish,
                reason: .noCondition
            ),
            Case(
                name: "a weaker one",
                policy: AbandonPolicy(leastValidator: .entityTag),
                validator: .date,
                decision: .park,
                reason: .validatorTooWeak
            ),
            Case(
                name: "inside the window",
                policy: AbandonPolicy(window: night),
                minuteOfDay: 60,
                decision: .finish,
                reason: .noCondition
            ),
            Case(
                name: "outside the window: parked until it opens",
                policy: AbandonPolicy(window: night),
                minuteOfDay: 360,
                decision: .park,
                reason: .outsideWindow,
                takeUpAfterMinutes: 1140
            ),
            Case(
                name: "outside the window, not resumable: it cannot wait",
                policy: AbandonPolicy(window: night),
                resumable: false,
                held: 900,
                remaining: 100,
                decision: .drop,
                reason: .outsideWindow
            ),
            Case(
                name: "outside the window, and parked anyway",
                policy: AbandonPolicy(finishBelow: 1, window: night),
                decision: .park,
                reason: .noConditionMet
            ),
            Case(
                name: "outside the window, nothing to fetch",
                policy: AbandonPolicy(window: night),
                remaining: 0,
                decision: .finish,
                reason: .nothingMissing
            ),
            Case(
                name: "empty body",
                completeLength: 0,
                held: 0,
                remaining: nil,
                decision: .finish,
                reason: .nothingMissing
            ),
        ]
    )
    func deciding(_ row: Case) {
        let verdict = row.policy.decide(
            AbandonedFill(
                resumable: row.resumable,
                storable: row.storable,
                credentialed: row.credentialed,
                validator: row.validator,
                completeLength: row.completeLength,
                held: row.held,
                remaining: row.remaining,
                bytesPerSecond: row.bytesPerSecond,
                room: row.room
            ),
            minuteOfDay: row.minuteOfDay
        )
        #expect(
            verdict == AbandonVerdict(row.decision, row.reason, takeUpAfterMinutes: row.takeUpAfterMinutes)
        )
    }

    @Test("A body of unknown length goes on for finish_below bytes more, 64 MiB where that is not set")
    func unknownLength() {
        #expect(AbandonPolicy().goesOn(afterBytes: (64 << 20) - 1))
        #expect(!AbandonPolicy().goesOn(afterBytes: 64 << 20))
        #expect(AbandonPolicy(finishBelow: 10).goesOn(afterBytes: 9))
        #expect(!AbandonPolicy(finishBelow: 10).goesOn(afterBytes: 10))
    }

    @Test("The modes are written in the configuration as they are called here")
    func names() {
        #expect(OnDisconnect.allCases.map(\.rawValue) == ["finish", "park", "drop"])
    }

    @Test("What is being finished stops when its time is up, and at the end of the window where that loses nothing")
    func running() {
        let bounded = AbandonPolicy(window: Self.night, maxSeconds: 100)
        #expect(bounded.goesOn(afterSeconds: 99, minuteOfDay: 359, resumable: true))
        #expect(!bounded.goesOn(afterSeconds: 100, minuteOfDay: 359, resumable: true))
        #expect(!bounded.goesOn(afterSeconds: 0, minuteOfDay: 360, resumable: true))
        #expect(bounded.goesOn(afterSeconds: 0, minuteOfDay: 360, resumable: false))
        #expect(AbandonPolicy().goesOn(afterSeconds: .max, minuteOfDay: 0, resumable: true))
    }

    @Test("A download that is owed is given up after 24 h without a byte (resume-rules 6)")
    func givingUp() {
        #expect(!AbandonPolicy.isGivenUp(secondsWithoutProgress: 86_399))
        #expect(AbandonPolicy.isGivenUp(secondsWithoutProgress: 86_400))
    }

    @Test("A host and a rule say only what is other for them, and replace the conditions together")
    func overriding() {
        let all = AbandonPolicy(finishBelow: 10, finishShare: 0.9, window: Self.night)
        #expect(all.applying(AbandonOverride()) == all)
        var host = AbandonOverride()
        host.finishETASeconds = 60
        host.onDisconnect = .park
        var rule = AbandonOverride()
        rule.onDisconnect = .finish
        rule.leastValidator = .date
        rule.finishShareUnresumable = 0.1
        rule.maxObjectSize = 5
        rule.maxSeconds = 7
        rule.window = FinishWindow(start: 0, end: 1440)
        let expected = AbandonPolicy(
            finishETASeconds: 60,
            finishShareUnresumable: 0.1,
            leastValidator: .date,
            maxObjectSize: 5,
            window: FinishWindow(start: 0, end: 1440),
            maxSeconds: 7
        )
        #expect(all.applying(host).applying(rule) == expected)
    }

    @Test("How surely versions are told apart")
    func strength() {
        let tag = EntityTag.parse("\"v1\"").map { ValidatorStrength(.etag($0), hasOther: true) }
        #expect(tag == .entityTag)
        #expect(ValidatorStrength(.lastModified(text: modifiedText, seconds: modified), hasOther: true) == .date)
        #expect(ValidatorStrength(.immutable, hasOther: false) == .date)
        #expect(ValidatorStrength(nil, hasOther: true) == .weak)
        #expect(ValidatorStrength(nil, hasOther: false) == ValidatorStrength.none)
        #expect(ValidatorStrength.allCases == ValidatorStrength.allCases.sorted())
    }

    @Test("Every reason has its own sentence")
    func sentences() {
        #expect(Set(AbandonReason.allCases.map(\.sentence)).count == AbandonReason.allCases.count)
    }
}
