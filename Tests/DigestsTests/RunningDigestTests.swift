// Digests against what the system's sha256sum, sha512sum, sha1sum and md5sum say.

import Digests
import HTTPSemantics
import Testing

@Suite("Running digests")
struct RunningDigestTests {
    private static func digest(_ algorithm: DigestAlgorithm, _ bytes: [UInt8]) -> String? {
        var running = RunningDigest(algorithm)
        running.update(bytes)
        return DigestValue(algorithm, running.bytes)?.hexadecimal
    }

    @Test(
        "Each algorithm is the one that its name says",
        arguments: [
            (DigestAlgorithm.md5, "900150983cd24fb0d6963f7d28e17f72"),
            (.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                .sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ),
        ]
    )
    func algorithms(algorithm: DigestAlgorithm, expected: String) {
        #expect(Self.digest(algorithm, Array("abc".utf8)) == expected)
    }

    @Test(
        "FIPS 180-4: lengths on both sides of a block's end",
        arguments: [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            (56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
            (64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
            (1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ]
    )
    func lengths(count: Int, expected: String) {
        #expect(Self.digest(.sha256, [UInt8](repeating: UInt8(ascii: "a"), count: count)) == expected)
    }

    @Test("Pieces of any size give the same digest", arguments: [1, 3, 63, 64, 65, 200], DigestAlgorithm.allCases)
    func pieces(size: Int, algorithm: DigestAlgorithm) {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        var running = RunningDigest(algorithm)
        for start in stride(from: 0, to: bytes.count, by: size) {
            running.update(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(DigestValue(algorithm, running.bytes)?.hexadecimal == Self.digest(algorithm, bytes))
        #expect(running.count == 1000)
    }

    @Test("A digest can be read in the middle, and grows on")
    func inTheMiddle() {
        var running = RunningDigest(.sha256)
        running.update(Array("ab".utf8))
        let early = running.bytes
        running.update(Array("c".utf8))
        #expect(running.bytes != early)
        #expect(DigestValue(.sha256, running.bytes).map { running.equals($0) } == true)
    }
}
