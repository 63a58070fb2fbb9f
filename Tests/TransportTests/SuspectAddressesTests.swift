// Addresses from which nothing came are tried last for a minute (resume-rules 5).

import HTTPSemantics
import Testing

@testable import Transport

@Suite("Upstream: addresses that are tried last")
struct SuspectAddressesTests {
    private let one = IPAddress.v4(1)
    private let two = IPAddress.v4(2)
    private let three = IPAddress.v4(3)

    @Test("Those without blemish come first, in their order; of the others the one that failed longest ago")
    func order() {
        let suspects = SuspectAddresses()
        let all = [one, two, three]
        #expect(suspects.ordered(all, port: 80, now: 0) == all)
        suspects.add(one, port: 80, now: 2)
        #expect(suspects.ordered(all, port: 80, now: 3) == [two, three, one])
        suspects.add(two, port: 80, now: 1)
        #expect(suspects.ordered(all, port: 80, now: 3) == [three, two, one])
        #expect(suspects.ordered(all, port: 81, now: 3) == all)
    }

    @Test("It is forgotten after a minute, or when a whole answer came")
    func forgotten() {
        let suspects = SuspectAddresses()
        suspects.add(one, port: 80, now: 0)
        suspects.add(two, port: 80, now: 1)
        #expect(suspects.ordered([one, two], port: 80, now: SuspectAddresses.keptNanoseconds) == [one, two])
        suspects.remove(two, port: 80)
        #expect(suspects.ordered([one, two], port: 80, now: 2) == [two, one])
    }

    @Test("A kept connection to a suspect address gives way where the name has a better one")
    func kept() {
        let suspects = SuspectAddresses()
        suspects.add(one, port: 80, now: 0)
        #expect(suspects.areOthersBetter(than: one, of: [one, two], port: 80, now: 1))
        #expect(!suspects.areOthersBetter(than: two, of: [one, two], port: 80, now: 1))
        #expect(!suspects.areOthersBetter(than: one, of: [one], port: 80, now: 1))
        suspects.add(two, port: 80, now: 0)
        #expect(!suspects.areOthersBetter(than: one, of: [one, two], port: 80, now: 1))
    }
}
