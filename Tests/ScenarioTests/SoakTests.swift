// A short form of the soak (docs/soak.md): some seconds with a seed of its own. The long one is `make soak`.

import ScriptedPeers
import Testing

@Suite("The soak, for some seconds", .onOwnThreads) struct SoakTests {
    @Test("Random clients, faults and kills: no wrong byte, no false end, nobody stuck", arguments: [7])
    func short(seed: Int) throws {
        let run = try SoakProcess.run(["--seconds", "12", "--seed", "\(seed)", "--clients", "12", "--cache", "large"])
        #expect(run.status == 0, "\(run.output)\n\(run.errors)")
    }
}
