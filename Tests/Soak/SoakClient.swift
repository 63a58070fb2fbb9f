// One client of the run, with an address of its own: asks, takes, leaves, asks for the rest, and checks every byte.

import Foundation
import ScriptedPeers

/// Confined to its thread.
final class SoakClient {
    let address: String
    let world: SoakWorld
    var random: SoakRandom
    /// By target: at most one beginning of each file.
    var held: [String: HeldBeginning] = [:]

    init(number: Int, world: SoakWorld) {
        // 127.1.0.1 and so on: each is another client to the proxy.
        address = "127.1.\(number / 200).\(number % 200 + 1)"
        self.world = world
        random = SoakRandom(world.seed, 0xC11E, UInt64(number))
    }

    func run() {
        while !world.isOver {
            if let beginning = unfinished() {
                let wish: Wish =
                    beginning.tag.map { !$0.hasPrefix("W/") } == true && random.percent(30)
                    ? .restUnderTag : .bareRest
                Conversation(self, beginning.object, wish, manner(for: beginning.object), beginning).perform()
            } else {
                let object = world.objects.one(&random)
                let wish = self.wish(for: object)
                Conversation(self, object, wish, manner(for: object), held[object.target]).perform()
            }
        }
    }

    /// A beginning to go on with; those of files that are gone are forgotten.
    private func unfinished() -> HeldBeginning? {
        held = held.filter { world.objects.holds($0.value.object) }
        guard !held.isEmpty, random.percent(60) else { return nil }
        return random.one(of: held.values.sorted { $0.object.name < $1.object.name })
    }

    private func wish(for object: SoakObject) -> Wish {
        let size = object.size
        let a = random.number(0...max(0, size - 1))
        let b = random.number(a...max(a, size + 10))
        if object.isForWholeOnly { return random.percent(90) ? .whole : .head }
        // Rather several beginnings than one that is joined from two attempts apart: a client has one file.
        let isHeld = held[object.target] != nil
        return random.one(weighted: [
            (isHeld ? 0 : 45, .whole),
            (10, .from(a)),
            (15, .span(a..<b + 1)),
            (6, .span(a..<min(a + random.number(1...70_000), max(size, a + 1)))),
            (4, .suffix(random.number(1...size + 5))),
            (5, .several(severalRanges(size))),
            (5, .head),
            (isHeld ? 0 : 4, .ifChanged),
        ])
    }

    private func severalRanges(_ size: Int64) -> [Range<Int64>] {
        (0..<Int(random.number(2...4))).map { _ in
            let start = random.number(0...max(0, size - 1))
            return start..<start + random.number(1...200_000)
        }
    }

    private func manner(for object: SoakObject) -> Manner {
        var manner = Manner()
        if random.percent(45) {
            manner.leavesAfter = random.percent(20) ? random.number(0...2000) : random.number(0...object.size)
            manner.resets = random.percent(40)
        }
        if random.percent(10) { manner.nap = (32_768, UInt32(random.number(1000...8000))) }
        if random.percent(8) { manner.pause = (random.number(0...object.size), random.fraction(0.2...3)) }
        return manner
    }
}
