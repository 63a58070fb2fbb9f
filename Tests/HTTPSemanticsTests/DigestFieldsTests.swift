// RFC 9530, RFC 3230, RFC 1864: what the fields say, which of them counts, and of which bytes each speaks. The digests are
// those of sha256sum and its like for `abc`.

import HTTPSemantics
import Testing

enum DigestsOfABC {
    static let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    static let sha256Base64 = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    static let sha512 =
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    static let sha512Base64 =
        "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
    static let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d"
    static let sha1Base64 = "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
    static let md5 = "900150983cd24fb0d6963f7d28e17f72"
    static let md5Base64 = "kAFQmDzST7DWlj99KOF/cg=="
    static let otherBase64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
}

@Suite("Digests: what the fields say (RFC 9530, RFC 3230, RFC 1864)")
struct DigestFieldsTests {
    typealias ABC = DigestsOfABC

    private func whole(
        _ lines: KeyValuePairs<String, String>,
        status: Int = 200,
        path: String = "/file"
    ) -> ExpectedDigest? {
        let uri = AbsoluteURI(
            scheme: "http",
            authority: Authority(host: "example.org", port: nil),
            pathAndQuery: path
        )
        return ExpectedDigest.ofWhole(response(status, lines), at: uri)
    }

    @Test(
        "Repr-Digest and Content-Digest are dictionaries of byte sequences (RFC 9530 §2, §3)",
        arguments: [
            ("sha-256=:\(ABC.sha256Base64):", "sha-256:\(ABC.sha256)"),
            ("sha-512=:\(ABC.sha512Base64):", "sha-512:\(ABC.sha512)"),
            // The strongest counts, wherever it stands.
            ("sha-256=:\(ABC.otherBase64):, sha-512=:\(ABC.sha512Base64):", "sha-512:\(ABC.sha512)"),
            ("sha-512=:\(ABC.sha512Base64):,sha-256=:\(ABC.otherBase64):", "sha-512:\(ABC.sha512)"),
            // Unknown and insecure ones are passed over, whatever their values are (§7.2).
            ("md5=:\(ABC.md5Base64):, sha-256=:\(ABC.sha256Base64):", "sha-256:\(ABC.sha256)"),
            ("unixsum=30, x=\"y\", sha-256=:\(ABC.sha256Base64):;a=1", "sha-256:\(ABC.sha256)"),
            // RFC 8941 §3.2: of two with one key the last; §4.2.7: padding may be missing.
            ("sha-256=:\(ABC.otherBase64):, sha-256=:\(ABC.sha256Base64):", "sha-256:\(ABC.sha256)"),
            ("sha-256=:\(ABC.sha256Base64.dropLast()):", "sha-256:\(ABC.sha256)"),
            // Malformed: the whole field is ignored.
            ("sha-256=\(ABC.sha256Base64)", nil),
            ("sha-256=:\(ABC.sha256Base64)", nil),
            ("sha-256=:\(ABC.sha256Base64):, sha-512=:AAAA:", nil),
            ("sha-256=:\(ABC.sha256Base64):,", nil),
            ("sha-256=:\(ABC.md5Base64):", nil),
            ("sha-256", nil),
            ("SHA-256=:\(ABC.sha256Base64):", nil),
            ("md5=:\(ABC.md5Base64):", nil),
            ("", nil),
        ] as [(String, String?)]
    )
    func dictionaries(text: String, expected: String?) {
        #expect(whole(["Repr-Digest": text])?.value.description == expected)
        #expect(whole(["Content-Digest": text])?.value.description == expected)
    }

    @Test(
        "Digest is a list of instance digests, in base64, and in hexadecimal where a server errs (RFC 3230 §4.3.2)",
        arguments: [
            ("SHA-256=\(ABC.sha256Base64)", "sha-256:\(ABC.sha256)"),
            ("sha-256=\(ABC.sha256Base64)", "sha-256:\(ABC.sha256)"),
            ("SHA-512=\(ABC.sha512Base64)", "sha-512:\(ABC.sha512)"),
            ("SHA=\(ABC.sha1Base64)", "sha-1:\(ABC.sha1)"),
            ("MD5=\(ABC.md5Base64)", "md5:\(ABC.md5)"),
            ("MD5=\(ABC.md5Base64), SHA=\(ABC.sha1Base64)", "sha-1:\(ABC.sha1)"),
            ("SHA=\(ABC.sha1Base64),sha-256=\(ABC.sha256Base64)", "sha-256:\(ABC.sha256)"),
            ("UNIXsum=30637, sha-256=\(ABC.sha256Base64)", "sha-256:\(ABC.sha256)"),
            ("sha-256=\(ABC.sha256)", "sha-256:\(ABC.sha256)"),
            ("sha-256=\(ABC.sha256.uppercased())", "sha-256:\(ABC.sha256)"),
            ("md5=\(ABC.md5)", "md5:\(ABC.md5)"),
            // What contradicts itself says nothing; what is too short, too.
            ("sha-256=\(ABC.sha256Base64), sha-256=\(ABC.otherBase64)", nil),
            ("sha-256=\(ABC.sha256Base64), SHA-256=\(ABC.sha256)", "sha-256:\(ABC.sha256)"),
            ("sha-256=\(ABC.md5Base64)", nil),
            ("sha-256=%%%", nil),
            ("id-sha-256=\(ABC.sha256Base64)", nil),
            ("sha-256", nil),
        ] as [(String, String?)]
    )
    func instances(text: String, expected: String?) {
        #expect(whole(["Digest": text])?.value.description == expected)
    }

    @Test("Content-MD5 is one MD5 (RFC 1864 §2)")
    func contentMD5() {
        #expect(whole(["Content-MD5": ABC.md5Base64])?.value.description == "md5:\(ABC.md5)")
        #expect(whole(["Content-MD5": ABC.md5])?.value.description == "md5:\(ABC.md5)")
        #expect(whole(["Content-MD5": ABC.sha256Base64]) == nil)
    }

    @Test("Of all that is said the strongest counts; of equals what the URL says")
    func strongest() {
        let found = whole(["Content-MD5": ABC.md5Base64, "Digest": "SHA-256=\(ABC.sha256Base64)"])
        #expect(found?.source == .digest)
        let stronger = whole([
            "Repr-Digest": "sha-256=:\(ABC.sha256Base64):", "Digest": "SHA-512=\(ABC.sha512Base64)",
        ])
        #expect(stronger?.source == .digest)
        let equal = whole(
            ["Repr-Digest": "sha-256=:\(ABC.sha256Base64):"],
            path: "/v2/library/x/blobs/sha256:\(ABC.sha256)"
        )
        #expect(equal?.source == .url)
        let repr = whole(["Digest": "sha-256=\(ABC.otherBase64)", "Repr-Digest": "sha-256=:\(ABC.sha256Base64):"])
        #expect(repr?.source == .reprDigest)
    }

    @Test(
        "URLs that name their content's digest",
        arguments: [
            ("/v2/library/debian/blobs/sha256:\(ABC.sha256)", "sha-256:\(ABC.sha256)"),
            ("/v2/a/manifests/sha256:\(ABC.sha256)?ns=docker.io", "sha-256:\(ABC.sha256)"),
            ("/v2/a/blobs/sha256%3A\(ABC.sha256)", "sha-256:\(ABC.sha256)"),
            ("/v2/a/blobs/sha512:\(ABC.sha512)", "sha-512:\(ABC.sha512)"),
            ("/debian/dists/sid/main/by-hash/SHA256/\(ABC.sha256)", "sha-256:\(ABC.sha256)"),
            ("/debian/dists/sid/main/by-hash/SHA512/\(ABC.sha512)", "sha-512:\(ABC.sha512)"),
            ("/debian/dists/sid/main/by-hash/SHA1/\(ABC.sha1)", "sha-1:\(ABC.sha1)"),
            ("/debian/dists/sid/main/by-hash/MD5Sum/\(ABC.md5)", "md5:\(ABC.md5)"),
            // No algorithm, or another length: no digest.
            ("/files/\(ABC.sha256)", nil),
            ("/v2/a/blobs/sha256:\(ABC.md5)", nil),
            ("/v2/a/blobs/\(ABC.sha256)", nil),
            ("/v2/a/tags/sha256:\(ABC.sha256)", nil),
            ("/a/blobs/sha256:\(ABC.sha256)", nil),
            ("/by-hash/SHA256/\(ABC.sha256)x", nil),
            ("/by-hash/sha256sum/\(ABC.sha256)", nil),
            ("/file?x=/by-hash/SHA256/\(ABC.sha256)", nil),
            ("/", nil),
        ] as [(String, String?)]
    )
    func urls(path: String, expected: String?) {
        #expect(whole([:], path: path)?.value.description == expected)
    }

    @Test("A URL's digest is one of the file without coding; those of the fields are of what is sent (RFC 9530 §3)")
    func coded() {
        let path = "/by-hash/SHA256/\(ABC.sha256)"
        #expect(whole(["Content-Encoding": "gzip"], path: path) == nil)
        #expect(whole(["Content-Encoding": "identity"], path: path) != nil)
        let field = whole(["Content-Encoding": "gzip", "Repr-Digest": "sha-256=:\(ABC.otherBase64):"], path: path)
        #expect(field?.source == .reprDigest)
    }

    @Test("An error, or where something has moved, is no file that a digest was named for")
    func otherStatus() {
        let lines: KeyValuePairs = ["Repr-Digest": "sha-256=:\(ABC.sha256Base64):"]
        for status in [404, 301, 500, 203] { #expect(whole(lines, status: status) == nil) }
    }

    @Test("Of a 206, Content-Digest speaks of the part, and nothing else does (RFC 9530 §2)")
    func parts() {
        let field = "sha-256=:\(ABC.sha256Base64):"
        #expect(ExpectedDigest.ofPart(response(206, ["Content-Digest": field]))?.value.hexadecimal == ABC.sha256)
        #expect(ExpectedDigest.ofPart(response(200, ["Content-Digest": field])) == nil)
        #expect(
            ExpectedDigest.ofPart(
                response(206, ["Repr-Digest": field, "Digest": "md5=\(ABC.md5)", "Content-MD5": ABC.md5Base64])
            ) == nil
        )
    }

    @Test("A 206 is stored without what speaks of its part, and with what speaks of the whole")
    func storedPart() {
        let answer = response(
            206,
            [
                "Content-Range": "bytes 0-2/9", "Content-Digest": "sha-256=:\(ABC.otherBase64):",
                "Content-MD5": ABC.md5Base64, "Repr-Digest": "sha-256=:\(ABC.sha256Base64):", "Date": "d",
            ]
        )
        let stored = StoredAnswerHead.storing(answer, pseudonym: "p", receivedAt: instant)
        #expect(!stored.fields.contains(.contentDigest))
        #expect(!stored.fields.contains(.contentMD5))
        #expect(ExpectedDigest.ofWhole(stored, at: exampleURI)?.source == .reprDigest)
        let whole = StoredAnswerHead.storing(
            response(200, ["Content-Digest": "sha-256=:\(ABC.sha256Base64):", "Date": "d"]),
            pseudonym: "p",
            receivedAt: instant
        )
        #expect(ExpectedDigest.ofWhole(whole, at: exampleURI)?.source == .contentDigest)
    }

    @Test("A 304, a 206 or a HEAD brings a digest of the representation, and none of a content (RFC 9530 §2, §3)")
    func updates() {
        let newer = section([
            "Repr-Digest": "sha-256=:\(ABC.sha256Base64):", "Content-Digest": "sha-256=:\(ABC.otherBase64):",
            "Content-MD5": ABC.md5Base64,
        ])
        let updated = StoredHeadUpdate.apply(newer, to: section(["Content-Digest": "sha-512=:AAAA:"]))
        #expect(updated.values(.contentDigest) == ["sha-512=:AAAA:"])
        #expect(updated.values(.reprDigest) == ["sha-256=:\(ABC.sha256Base64):"])
        #expect(!updated.contains(.contentMD5))
    }

    @Test("A part that is answered from the store does not carry the digest of the whole content (RFC 9530 §2)")
    func answeredParts() {
        let stored = response(
            200,
            [
                "Content-Digest": "sha-256=:\(ABC.sha256Base64):", "Content-MD5": ABC.md5Base64,
                "Repr-Digest": "sha-256=:\(ABC.sha256Base64):",
            ]
        )
        let part = AnswerHead.partial(stored: stored, range: 0..<1, completeLength: 3, age: 0)
        #expect(!part.fields.contains(.contentDigest))
        #expect(!part.fields.contains(.contentMD5))
        #expect(part.fields.contains(.reprDigest))
        let whole = AnswerHead.whole(stored: stored, age: 0, completeLength: 3)
        #expect(whole.fields.contains(.contentDigest))
    }

    @Test("Whether two heads name the same digests")
    func equality() {
        let one = section(["Repr-Digest": "sha-256=:\(ABC.sha256Base64):", "Age": "1"])
        #expect(DigestFields.areEqual(one, section(["Age": "2", "repr-digest": "sha-256=:\(ABC.sha256Base64):"])))
        #expect(!DigestFields.areEqual(one, section(["Repr-Digest": "sha-256=:\(ABC.otherBase64):"])))
        #expect(!DigestFields.areEqual(one, section([:])))
    }

    @Test("A digest is read back as it is written")
    func text() {
        let value = DigestValue(.sha256, hexadecimal: ABC.sha256)
        #expect(value.flatMap { DigestValue($0.description) } == value)
        for text in ["", "sha-256", "sha-256:", "sha-256:00", "sha-3:\(ABC.sha256)", "sha-256:\(ABC.sha256):"] {
            #expect(DigestValue(text) == nil)
        }
    }
}

@Suite("Files of digests beside a file")
struct DigestSidecarTests {
    typealias ABC = DigestsOfABC

    @Test(
        "The forms in which programs write them",
        arguments: [
            ABC.sha256, "\(ABC.sha256)\n", "\(ABC.sha256.uppercased())\r\n", "\(ABC.sha256)  file.iso\n",
            "\(ABC.sha256) *file.iso", "SHA256 (file.iso) = \(ABC.sha256)", "SHA256(file.iso)= \(ABC.sha256)",
            "# made today\n\(ABC.sha256)  ./dir/file.iso", "\(ABC.md5)  other\n\(ABC.sha256)  file.iso\n",
        ]
    )
    func forms(text: String) {
        #expect(DigestSidecar.find("file.iso", in: text)?.description == "sha-256:\(ABC.sha256)")
    }

    @Test("The length tells the algorithm")
    func lengths() {
        #expect(DigestSidecar.find("f", in: ABC.sha512)?.algorithm == .sha512)
        #expect(DigestSidecar.find("f", in: "\(ABC.sha1)  f")?.algorithm == .sha1)
        #expect(DigestSidecar.find("f", in: "MD5 (f) = \(ABC.md5)")?.algorithm == .md5)
    }

    @Test(
        "What names another file, several files without names, or nothing, is no answer",
        arguments: [
            "", "<html>404</html>", "\(ABC.sha256)  other.iso", "\(ABC.sha256)\n\(ABC.sha256)", "\(ABC.sha256)0",
            "SHA256 (file.iso) = \(ABC.md5)", "\(ABC.sha256)  xfile.iso",
        ]
    )
    func others(text: String) {
        #expect(DigestSidecar.find("file.iso", in: text) == nil)
    }

    @Test("Where they are looked for; a query is no part of the name")
    func places() {
        let uri = AbsoluteURI(
            scheme: "http",
            authority: Authority(host: "example.org", port: nil),
            pathAndQuery: "/a/b.iso?x=1"
        )
        #expect(
            DigestSidecar.places(of: uri).map(\.pathAndQuery) == [
                "/a/b.iso.sha256", "/a/b.iso.sha512", "/a/SHA256SUMS", "/a/SHA512SUMS",
            ]
        )
        #expect(DigestSidecar.name(of: uri) == "b.iso")
        let folder = AbsoluteURI(scheme: "http", authority: uri.authority, pathAndQuery: "/a/")
        #expect(DigestSidecar.places(of: folder).isEmpty)
    }
}
