// SHA-256 against what the system's sha256sum says.

import Exchange
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    @Test(
        "FIPS 180-4: lengths on both sides of a block's end",
        arguments: [
            ("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            ("a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
            ("a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
            ("a", 1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
        ]
    )
    func digests(text: String, times: Int, expected: String) {
        var running = SHA256()
        running.update(Array(String(repeating: text, count: times).utf8))
        #expect(running.finish() == expected)
    }

    @Test("Pieces of any size give the same digest", arguments: [1, 3, 63, 64, 65, 200])
    func pieces(size: Int) {
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        var running = SHA256()
        for start in stride(from: 0, to: bytes.count, by: size) {
            running.update(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(running.finish() == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3")
    }

    @Test("A digest is read in either case; anything else is none")
    func reading() {
        let digest = String(repeating: "aB09", count: 16)
        #expect(SHA256.parse(digest) == digest.lowercased())
        #expect(SHA256.parse(String(digest.dropLast())) == nil)
        #expect(SHA256.parse(String(repeating: "g", count: 64)) == nil)
    }
}
