// A claim that was cut off for another fill comes back to the one before it, as long as that one's answer brings it.

import Resume
import Testing

@Suite("A claim is given back")
struct ClaimReturnedTests {
    private static func receiving() -> FillStateMachine {
        var machine = FillStateMachine(range: 0..<Int64.max)
        _ = machine.slotFree()
        _ = machine.began(0..<Int64.max)
        _ = machine.bytesReceived(100)
        _ = machine.claimCut(at: 1000)
        return machine
    }

    @Test("To a fill whose answer was asked for before the cut")
    func returned() {
        var machine = Self.receiving()
        let isReturned = machine.claimReturned(upTo: nil)
        #expect(isReturned)
        #expect(machine.extent?.end == nil)
    }

    @Test(
        "Not to one that has asked anew since, for no more than what was left to it: its end would be taken for the body's"
    )
    func askedAnew() {
        var machine = Self.receiving()
        _ = machine.originFailed(.closed, resumable: true)
        _ = machine.retryDue()
        _ = machine.continued(span: 100..<1000, compareUntil: 100)
        let isReturned = machine.claimReturned(upTo: nil)
        #expect(!isReturned)
        #expect(machine.extent?.end == 1000)
    }
}
