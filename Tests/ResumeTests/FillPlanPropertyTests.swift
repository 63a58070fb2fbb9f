// A million steps in small worlds (`make property`; fewer in every other run): whatever readers, fills and the origin do,
// no two claims overlap, nothing held is asked for again beyond the overlap and short runs, every byte is brought once,
// and everybody is served in the end. The worlds are FillPlanWorld's, the truth beside them is NaiveBody's.

import Resume
import Testing

@Suite("FillPlan: properties in a simulated world")
struct FillPlanPropertyTests {
    private static let blocks = 8

    @Test(
        "No byte is claimed twice or brought twice, and every want is served in the end",
        arguments: 1...blocks
    )
    func holds(block: Int) {
        var seed = UInt64(block) * 1_000_000
        var steps = 0
        while steps < PropertySteps.share(of: Self.blocks) {
            seed += 1
            var world = FillPlanWorld(seed: seed)
            if let fault = Self.live(&world) {
                Issue.record("seed \(seed), step \(world.steps): \(fault)")
                return
            }
            steps += world.steps
        }
    }

    /// 400 steps of disturbance, then calm until everybody is served; what is wrong with it, or nil.
    private static func live(_ world: inout FillPlanWorld) -> String? {
        for _ in 0..<400 {
            world.live()
            if let fault = world.fault { return fault }
        }
        world.isCalm = true
        while world.isUnserved {
            guard world.steps < 20_000 else {
                return "not served: wants \(world.wants), claims \(world.claims), held \(world.held)"
            }
            world.live()
            if let fault = world.fault { return fault }
        }
        guard world.isServedByModel else { return "the model holds less than the set" }
        guard world.model.runs == world.held.ranges else { return "held \(world.held), model \(world.model.runs)" }
        // What was brought and what was held before are disjoint: no missing byte came twice.
        guard world.model.broughtOnce, world.heldBefore + world.brought == world.held.byteCount else {
            return "a byte was brought twice"
        }
        return nil
    }

    @Test("The worlds see everything that the property speaks of")
    func worldsAreRich() {
        var cuts = 0
        var compared: Int64 = 0
        var openStarts = 0
        var proofs = 0
        var splits = 0
        var aheads = 0
        for seed in 1...200 {
            var world = FillPlanWorld(seed: UInt64(seed))
            for _ in 0..<400 { world.live() }
            cuts += world.cuts
            compared += world.compared
            openStarts += world.openStarts
            proofs += world.proofs
            splits += world.splits
            aheads += world.aheads
        }
        #expect(cuts > 100)
        #expect(compared > 1000)
        #expect(openStarts > 10)
        #expect(proofs > 500)
        #expect(splits > 100)
        #expect(aheads > 30)
    }
}
