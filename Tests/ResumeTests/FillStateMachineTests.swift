// The fill machine, event by event: what each state answers, and what no state lets happen.

import Resume
import Testing

@Suite("FillStateMachine: one answer for every event")
struct FillStateMachineTests {
    /// A machine that was asked to bring this range and has just been given a slot.
    private func asking(_ range: Range<Int64>) -> FillStateMachine {
        var machine = FillStateMachine(range: range)
        _ = machine.slotFree()
        return machine
    }

    private func receiving(_ range: Range<Int64>) -> FillStateMachine {
        var machine = asking(range)
        _ = machine.began(range)
        return machine
    }

    /// 100..<200 is missing, 80..<100 is asked for again and compared.
    private func comparing() -> FillStateMachine {
        var machine = asking(100..<200)
        _ = machine.continued(span: 80..<200, compareUntil: 100)
        return machine
    }

    private func waiting(_ range: Range<Int64>) -> FillStateMachine {
        var machine = asking(range)
        _ = machine.originFailed(.timeout, resumable: true)
        return machine
    }

    // MARK: Asking

    @Test("A queued fill asks when a slot is free, from the overlap on, with an exact end")
    func asksExactly() {
        var machine = FillStateMachine(range: 100..<200)
        let request = machine.slotFree(overlap: 20)
        #expect(request == FillRequest(missing: 100..<200, overlap: 20, attempt: 1))
        #expect(request?.asked == AskedSpan(start: 80, end: 200, overlap: 20))
        #expect(machine.state == .asking(FillExtent(start: 100, offset: 100, end: 200), attempt: 1))
        #expect(machine.slotFree() == nil)
        #expect(machine.retryDue() == nil)
    }

    @Test("Where the end is not known it asks with an open one")
    func asksOpen() {
        var machine = FillStateMachine(range: 100..<Int64.max)
        let request = machine.slotFree(overlap: 20)
        #expect(request?.openEnd == true)
        #expect(request?.asked == AskedSpan(start: 80, end: nil, overlap: 20))
    }

    @Test("An overlap never reaches below byte 0")
    func overlapBounded() {
        var machine = FillStateMachine(range: 5..<10)
        #expect(machine.slotFree(overlap: 50)?.asked.start == 0)
    }

    // MARK: First answers

    @Test("A first answer's span becomes the claim")
    func began() {
        var machine = asking(100..<200)
        #expect(machine.began(0..<1000) == .readBody)
        #expect(machine.state == .receiving(FillExtent(start: 0, offset: 0, end: 1000), attempt: 1))
    }

    @Test("A first answer of unknown length keeps the claim open, and the body's end tells the length")
    func beganOpen() {
        var machine = asking(0..<Int64.max)
        #expect(machine.began(0..<Int64.max) == .readBody)
        #expect(machine.bytesReceived(300) == .write(0..<300, filled: false))
        #expect(machine.bodyEnded(complete: true, resumable: true) == .filled(completeLength: 300))
        #expect(machine.state == .filled(0..<300))
    }

    @Test("An empty body is filled at once")
    func beganEmpty() {
        var machine = asking(0..<Int64.max)
        #expect(machine.began(0..<0) == .filled)
        #expect(machine.state == .filled(0..<0))
    }

    @Test("What was cut off while the origin was asked stays cut off (invariant 6)")
    func beganAfterCut() {
        var machine = asking(0..<Int64.max)
        #expect(machine.claimCut(at: 400) == .goOn)
        #expect(machine.began(0..<1000) == .readBody)
        #expect(machine.bytesReceived(1000) == .write(0..<400, filled: true))
    }

    @Test("Nobody begins without having asked")
    func beganUnasked() {
        var machine = FillStateMachine(range: 0..<10)
        #expect(machine.began(0..<10) == .unusable)
        #expect(machine.continued(span: 0..<10, compareUntil: 0) == .unusable)
        #expect(machine.foundComplete(at: 10) == .nothing)
    }

    // MARK: Continuations

    @Test("The overlap is compared before the first byte counts, in as many parts as it comes")
    func comparesFirst() {
        var machine = comparing()
        #expect(machine.bytesReceived(5) == .compare(80..<85))
        #expect(machine.bytesReceived(90) == .hold)
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.bytesReceived(90) == .compare(85..<100))
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.bytesReceived(75) == .write(100..<175, filled: false))
        #expect(machine.bytesReceived(25) == .write(175..<200, filled: true))
        #expect(machine.state == .filled(100..<200))
    }

    @Test("A difference rejects the version before one byte of it is stored (resume-rules 11)")
    func rejects() {
        var machine = comparing()
        #expect(machine.bytesReceived(120) == .compare(80..<100))
        #expect(machine.compared(equal: false) == .rejected)
        #expect(machine.state == .failed(.overlapDiffers))
        #expect(machine.bytesReceived(100) == .discard)
    }

    @Test("Without an overlap writing begins at once")
    func noOverlap() {
        var machine = asking(100..<200)
        #expect(machine.continued(span: 100..<200, compareUntil: 100) == .readBody)
        #expect(machine.bytesReceived(1) == .write(100..<101, filled: false))
    }

    @Test("Held bytes below the claim are compared even where the caller names an earlier end")
    func comparesAtLeastTheOverlap() {
        var machine = asking(100..<200)
        _ = machine.continued(span: 80..<200, compareUntil: 0)
        #expect(machine.bytesReceived(50) == .compare(80..<100))
    }

    @Test("A span that begins behind the first missing byte would leave a hole that counts as stored")
    func hole() {
        var machine = asking(100..<200)
        #expect(machine.continued(span: 101..<200, compareUntil: 101) == .unusable)
        #expect(machine.continued(span: 100..<100, compareUntil: 100) == .unusable)
    }

    @Test("A shorter span shortens the claim; the hole is left to the plan (R30)")
    func shorterSpan() {
        var machine = asking(100..<200)
        _ = machine.continued(span: 100..<150, compareUntil: 100)
        #expect(machine.bytesReceived(50) == .write(100..<150, filled: true))
    }

    @Test("Body bytes beyond the claim are trimmed")
    func trims() {
        var machine = asking(100..<200)
        _ = machine.continued(span: 100..<200, compareUntil: 100)
        #expect(machine.bytesReceived(5000) == .write(100..<200, filled: true))
        #expect(machine.bytesReceived(4900) == .discard)
        #expect(machine.bodyEnded(complete: true, resumable: true) == .nothing)
    }

    @Test("An open claim whose overlap is all there is: filled once it was compared")
    func onlyOverlap() {
        var machine = asking(100..<Int64.max)
        #expect(machine.continued(span: 80..<100, compareUntil: 100) == .readBody)
        #expect(machine.bytesReceived(10) == .compare(80..<90))
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.bytesReceived(10) == .compare(90..<100))
        #expect(machine.compared(equal: true) == .filled)
        #expect(machine.state == .filled(100..<100))
    }

    @Test("416 with the held length: nothing is missing at the end")
    func foundComplete() {
        var machine = asking(100..<Int64.max)
        #expect(machine.foundComplete(at: 100) == .filled(completeLength: 100))
        #expect(machine.state == .filled(100..<100))
    }

    // MARK: Short held runs

    @Test("A short held run inside the claim is compared, not written (invariant 1)")
    func readsThrough() {
        let held = ByteRangeSet([140..<150])
        var machine = receiving(100..<200)
        #expect(machine.bytesReceived(100, held: held) == .write(100..<140, filled: false))
        #expect(machine.bytesReceived(60, held: held) == .compare(140..<150))
        #expect(machine.bytesReceived(50, held: held) == .hold)
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.bytesReceived(50, held: held) == .write(150..<200, filled: true))
    }

    @Test("A held run at the end of the claim fills it once it was compared")
    func heldEnd() {
        let held = ByteRangeSet([190..<300])
        var machine = receiving(100..<200)
        #expect(machine.bytesReceived(500, held: held) == .write(100..<190, filled: false))
        #expect(machine.bytesReceived(410, held: held) == .compare(190..<200))
        #expect(machine.compared(equal: true) == .filled)
        #expect(machine.state == .filled(100..<200))
    }

    // MARK: Ends and failures

    @Test("A body that ends before its span counts as cut: what came is kept, the rest asked for again")
    func cutShort() {
        var machine = receiving(0..<1000)
        _ = machine.bytesReceived(350)
        #expect(machine.bodyEnded(complete: true, resumable: true) == .wait(attempt: 1))
        #expect(machine.state == .waiting(FillExtent(start: 0, offset: 350, end: 1000), attempt: 1))
        #expect(machine.retryDue(overlap: 20) == FillRequest(missing: 350..<1000, overlap: 20, attempt: 2))
        #expect(machine.continued(span: 330..<1000, compareUntil: 350) == .readBody)
        #expect(machine.bytesReceived(670) == .compare(330..<350))
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.bytesReceived(650) == .write(350..<1000, filled: true))
        #expect(machine.state == .filled(0..<1000))
    }

    @Test("Where nothing can be asked for again, a failure of the origin ends the fill")
    func notResumable() {
        var machine = receiving(0..<1000)
        #expect(machine.originFailed(.closed, resumable: false) == .failed(.origin(.closed)))
        #expect(machine.state == .failed(.origin(.closed)))
        var cut = receiving(0..<1000)
        #expect(cut.bodyEnded(complete: true, resumable: false) == .failed(.origin(.cutShort)))
        var closed = receiving(0..<Int64.max)
        #expect(closed.bodyEnded(complete: false, resumable: false) == .failed(.origin(.closed)))
    }

    @Test("A body delimited by the closing of the connection is stored, and never proven complete")
    func closeDelimited() {
        var machine = receiving(0..<Int64.max)
        _ = machine.bytesReceived(10)
        #expect(machine.bodyEndedByClose(resumable: true) == .filled(completeLength: nil))
        var known = receiving(0..<100)
        _ = known.bytesReceived(10)
        #expect(known.bodyEndedByClose(resumable: true) == .wait(attempt: 1))
    }

    @Test("A pending verdict comes before the end of the body and before a failure")
    func verdictFirst() {
        var machine = comparing()
        _ = machine.bytesReceived(10)
        #expect(machine.originFailed(.closed, resumable: true) == .afterVerdict)
        #expect(machine.bodyEnded(complete: true, resumable: true) == .afterVerdict)
        #expect(machine.bodyEndedByClose(resumable: true) == .afterVerdict)
        #expect(machine.compared(equal: true) == .goOn)
        #expect(machine.originFailed(.closed, resumable: true) == .wait(attempt: 1))
        #expect(machine.retryDue() == FillRequest(missing: 100..<200, overlap: 0, attempt: 2))
    }

    @Test("A failure while only held bytes were left to compare leaves nothing missing")
    func failureWhileComparingOnly() {
        var machine = asking(100..<Int64.max)
        _ = machine.continued(span: 80..<100, compareUntil: 100)
        #expect(machine.originFailed(.closed, resumable: true) == .filled(completeLength: nil))
    }

    @Test("When the retry policy gives up, the readers are told")
    func gaveUp() {
        var machine = waiting(0..<100)
        #expect(machine.gaveUp(after: .timeout) == .failed(.gaveUp(.timeout)))
        #expect(machine.gaveUp(after: .timeout) == .nothing)
        #expect(FillFailure.gaveUp(.timeout).mayBeRetried)
        #expect(FillFailure.gaveUp(.timeout).side == .upstream)
    }

    @Test("A rejected answer ends the fill; a refusal of the origin parks it")
    func rejectedAnswers() {
        var machine = asking(0..<100)
        #expect(machine.rejected(.versionChanged) == .failed(.versionChanged))
        #expect(machine.rejected(.broken(.multipart)) == .nothing)
        var gone = asking(0..<100)
        #expect(gone.originGone() == .park)
        #expect(gone.extent == FillExtent(start: 0, offset: 0, end: 100))
        #expect(!gone.isActive)
    }

    // MARK: Cuts

    @Test("A cut claim ends there, in every state that has one")
    func cuts() {
        for var machine in [FillStateMachine(range: 0..<100), asking(0..<100), receiving(0..<100), waiting(0..<100)] {
            #expect(machine.claimCut(at: 50) == .goOn)
            #expect(machine.extent?.end == 50)
            #expect(machine.claimCut(at: 70) == .goOn)
            #expect(machine.extent?.end == 50, "a claim never grows")
            #expect(machine.claimCut(at: 0) == .filled)
            #expect(machine.state == .filled(0..<0))
            #expect(machine.claimCut(at: 0) == .nothing)
        }
    }

    @Test("A claim cut at its offset, as a stalled fill's is, keeps what is stored")
    func cutAtOffset() {
        var machine = receiving(0..<100)
        _ = machine.bytesReceived(30)
        #expect(machine.claimCut(at: 30) == .filled)
        #expect(machine.state == .filled(0..<30))
        #expect(machine.bytesReceived(10) == .discard)
    }

    @Test("A claim cut during a comparison ends with its verdict")
    func cutWhileComparing() {
        var machine = comparing()
        _ = machine.bytesReceived(10)
        #expect(machine.claimCut(at: 100) == .goOn)
        #expect(machine.bytesReceived(10) == .hold)
        #expect(machine.compared(equal: true) == .filled)
        #expect(machine.state == .filled(100..<100))

        var idle = comparing()
        #expect(idle.claimCut(at: 150) == .goOn)
        #expect(idle.bytesReceived(500) == .compare(80..<100))
        #expect(idle.compared(equal: true) == .goOn)
        #expect(idle.bytesReceived(480) == .write(100..<150, filled: true))

        var emptied = comparing()
        #expect(emptied.claimCut(at: 100) == .filled)

        let held = ByteRangeSet([140..<150])
        var inside = receiving(140..<200)
        #expect(inside.bytesReceived(4, held: held) == .compare(140..<144))
        #expect(inside.claimCut(at: 146) == .goOn)
        #expect(inside.compared(equal: true) == .goOn)
        #expect(inside.bytesReceived(50, held: held) == .compare(144..<146))
        #expect(inside.compared(equal: true) == .filled)
    }

    // MARK: Readers

    @Test("When the last reader leaves the policy decides, in every state in which something is left to do")
    func lastReader() {
        let machines = [
            FillStateMachine(range: 0..<100), asking(0..<100), receiving(0..<100), waiting(0..<100), comparing(),
        ]
        for machine in machines {
            var finishing = machine
            #expect(finishing.lastReaderLeft(.finish) == .goOn)
            #expect(finishing == machine)
            var parking = machine
            #expect(parking.lastReaderLeft(.park) == .park)
            #expect(parking.extent == machine.extent)
            #expect(!parking.isActive && !parking.hasConnection)
            #expect(parking.lastReaderLeft(.drop) == .nothing)
            var dropping = machine
            #expect(dropping.lastReaderLeft(.drop) == .drop)
            #expect(dropping.state == .failed(.dropped))
        }
    }

    @Test("A parked fill is taken up again where it stopped")
    func takenUp() {
        var machine = receiving(0..<100)
        _ = machine.bytesReceived(30)
        _ = machine.lastReaderLeft(.park)
        #expect(machine.slotFree() == nil)
        #expect(machine.readerJoined() == .queued)
        #expect(machine.slotFree(overlap: 5) == FillRequest(missing: 30..<100, overlap: 5, attempt: 2))
        #expect(machine.readerJoined() == .joined)
        var remembered = FillStateMachine(parked: 30..<100)
        #expect(!remembered.isActive)
        #expect(remembered.readerJoined() == .queued)
        var ended = waiting(0..<100)
        _ = ended.gaveUp(after: .timeout)
        #expect(ended.readerJoined() == .ended)
    }

    @Test("When the store fails, the fill ends; a late event finds nothing to do")
    func storeFailed() {
        for var machine in [receiving(0..<100), comparing(), asking(0..<100), waiting(0..<100)] {
            #expect(machine.storeFailed() == .failed(.store))
            #expect(machine.storeFailed() == .nothing)
            #expect(machine.bytesReceived(10) == .discard)
            #expect(machine.compared(equal: true) == .nothing)
            #expect(machine.bodyEnded(complete: true, resumable: true) == .nothing)
            #expect(machine.originFailed(.closed, resumable: true) == .nothing)
            #expect(machine.retryDue() == nil)
            #expect(machine.claim(fill: 1, bytesPerSecond: 1, mayBeCut: true) == nil)
        }
        #expect(FillFailure.store.side == .store)
    }

    @Test("An active fill claims from its first missing byte to its end")
    func claims() {
        var machine = receiving(0..<100)
        _ = machine.bytesReceived(30)
        #expect(
            machine.claim(fill: 7, bytesPerSecond: 9, mayBeCut: true)
                == Claim(fill: 7, offset: 30, end: 100, bytesPerSecond: 9, mayBeCut: true)
        )
        #expect(comparing().claim(fill: 7, bytesPerSecond: 0, mayBeCut: true)?.offset == 100)
        #expect(FillStateMachine(parked: 0..<10).claim(fill: 7, bytesPerSecond: 0, mayBeCut: true) == nil)
        #expect(machine.hasConnection && !waiting(0..<100).hasConnection)
    }

    @Test("No bytes are no event")
    func noBytes() {
        var machine = receiving(0..<100)
        #expect(machine.bytesReceived(0) == .discard)
        #expect(machine.bytesReceived(-1) == .discard)
        #expect(machine.extent?.offset == 0)
    }
}
