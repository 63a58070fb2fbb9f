// The last reader left: finish, park or drop (resume-rules 6), as a table.

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
        var finishing = 0
        var decision: AbandonDecision
        var testDescription: String { name }
    }

    @Test(
        "The three modes, the conditions and the bounds",
        arguments: [
            Case(name: "finish is the default", decision: .finish),
            Case(name: "park", policy: AbandonPolicy(onDisconnect: .park), decision: .park),
            Case(name: "drop", policy: AbandonPolicy(onDisconnect: .drop), decision: .drop),
            Case(
                name: "park what cannot be resumed: it would be lost anyway",
                policy: AbandonPolicy(onDisconnect: .park),
                resumable: false,
                decision: .drop
            ),
            Case(name: "what is not stored is not finished", storable: false, decision: .drop),
            Case(
                name: "what is not stored is not parked",
                policy: AbandonPolicy(onDisconnect: .park),
                storable: false,
                decision: .drop
            ),
            Case(name: "credentials are not used without their client", credentialed: true, decision: .park),
            Case(
                name: "credentials, not resumable",
                resumable: false,
                credentialed: true,
                held: 999,
                decision: .drop
            ),
            Case(name: "last slot", finishing: 3, decision: .finish),
            Case(name: "no slot", finishing: 4, decision: .park),
            Case(
                name: "as large as allowed",
                policy: AbandonPolicy(maxObjectSize: 1000),
                decision: .finish
            ),
            Case(name: "too large", policy: AbandonPolicy(maxObjectSize: 999), decision: .park),
            Case(
                name: "too large already, length unknown",
                policy: AbandonPolicy(maxObjectSize: 349),
                completeLength: nil,
                remaining: nil,
                decision: .park
            ),
            Case(
                name: "finish_below met",
                policy: AbandonPolicy(finishBelow: 650),
                decision: .finish
            ),
            Case(name: "finish_below missed", policy: AbandonPolicy(finishBelow: 649), decision: .park),
            Case(
                name: "finish_below counts what was asked for, not the whole",
                policy: AbandonPolicy(finishBelow: 100),
                remaining: 100,
                decision: .finish
            ),
            Case(
                name: "what remains follows from the length where it is not given",
                policy: AbandonPolicy(finishBelow: 650),
                remaining: nil,
                decision: .finish
            ),
            Case(name: "finish_share met", policy: AbandonPolicy(finishShare: 0.35), decision: .finish),
            Case(name: "finish_share missed", policy: AbandonPolicy(finishShare: 0.36), decision: .park),
            Case(
                name: "one condition of two is enough",
                policy: AbandonPolicy(finishBelow: 1, finishShare: 0.3),
                decision: .finish
            ),
            Case(
                name: "none of two",
                policy: AbandonPolicy(finishBelow: 1, finishShare: 0.9),
                decision: .park
            ),
            Case(name: "nothing remains", policy: AbandonPolicy(finishBelow: -1), remaining: 0, decision: .finish),
            Case(name: "not resumable, share below one half", resumable: false, held: 499, decision: .drop),
            Case(name: "not resumable, share of one half", resumable: false, held: 500, decision: .finish),
            Case(
                name: "not resumable, share of its own directive",
                policy: AbandonPolicy(finishBelow: 1, finishShareUnresumable: 0.3),
                resumable: false,
                decision: .finish
            ),
            Case(name: "length unknown", completeLength: nil, remaining: nil, decision: .finish),
            Case(
                name: "length unknown, not resumable",
                resumable: false,
                completeLength: nil,
                remaining: nil,
                decision: .finish
            ),
            Case(name: "empty body", completeLength: 0, held: 0, remaining: nil, decision: .finish),
        ]
    )
    func deciding(_ row: Case) {
        let decision = row.policy.decide(
            resumable: row.resumable,
            storable: row.storable,
            credentialed: row.credentialed,
            completeLength: row.completeLength,
            held: row.held,
            remaining: row.remaining,
            finishing: row.finishing,
            maxFinishing: 4
        )
        #expect(decision == row.decision)
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
}
