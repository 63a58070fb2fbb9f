// A download that breaks at its origin goes on at a mirror, where that has the same version: an equal strong validator or
// digest, an equal length, and equal bytes (resume-rules 11).

import Foundation
import ScriptedPeers
import Testing

@Suite("A fill that breaks at one source goes on at another (mirrors)", .onOwnThreads)
struct MirrorTests {
    static let target = "/pool/a.deb"
    static let content = Content(seed: 7701, length: 4 * mebibyte)
    static let hole = mebibyte
    static let fields: PeerFields = ["Repr-Digest": "sha-256=:\(Data(repeating: 7, count: 32).base64EncodedString()):"]

    private let origin: FileOrigin
    private let mirror: FileOrigin
    private let folder: TemporaryDirectory
    private let proxy: ProxyProcess

    /// The origin breaks off in the middle, and answers nothing after that.
    init() throws {
        (origin, mirror) = (try FileOrigin(), try FileOrigin())
        folder = try TemporaryDirectory()
        let path = folder.file("proxy.conf")
        let file = """
            [[rule]]
            path = "/pool/**"
            mirrors = ["\(origin.url(""))", "\(mirror.url("/debian"))"]
            """
        try file.write(toFile: path, atomically: true, encoding: .utf8)
        proxy = try ProxyProcess(
            cacheDirectory: folder.file("cache"),
            settings: ["upstream.heal_timeout=2s", "resume.verify_digests=false"],
            arguments: ["--config", path]
        )
        origin.setFaults { _, number in
            FileFaults {
                if number == 0 { $0.closeAfter = Self.hole } else { $0.closeBeforeHead = true }
            }
        }
    }

    private func check(_ fields: PeerFields = [:]) throws -> (head: ReceivedHead, body: CheckedBody) {
        try PeerClient.check(origin.url(Self.target), through: proxy.port, against: Self.content, fields: fields)
    }

    @Test("The rest comes from the mirror, with the bytes before it compared, and all is held")
    func goesOn() throws {
        origin.put(Self.target, .tagged(Self.content))
        mirror.put("/debian\(Self.target)", .tagged(Self.content))
        #expect(try check().body == CheckedBody(count: Self.content.length, end: .complete))
        let asked = try #require(mirror.requests.first)
        #expect(mirror.requests.count == 1)
        #expect(asked.askedRange?.first == Self.hole - overlapProbe)
        // What the origin calls its version is none of the mirror's business.
        #expect(asked["If-Range"] == nil)
        #expect(asked["Host"] == mirror.url("").dropFirst(7).description)
        #expect(try check().body.isWhole)
        #expect(mirror.requests.count == 1)
    }

    @Test("Another tag and the same digest of the whole: the same version")
    func sameDigest() throws {
        origin.put(
            Self.target,
            FileVersion(Self.content, etag: "\"a\"", cacheControl: "max-age=60", fields: Self.fields)
        )
        mirror.put("/debian\(Self.target)", FileVersion(Self.content, etag: "\"b\"", fields: Self.fields))
        #expect(try check().body == CheckedBody(count: Self.content.length, end: .complete))
    }

    enum Other: String, CaseIterable {
        case tag, length, bytes, missing, encoding

        var version: FileVersion? {
            let other = Content(seed: 7702, length: self == .length ? 5 * mebibyte : 4 * mebibyte)
            switch self {
            case .tag: return .tagged(other, "\"two\"")
            case .length, .bytes: return .tagged(other)
            case .missing: return nil
            case .encoding:
                return FileVersion(other, etag: "\"one\"", fields: ["Content-Encoding": "x-other"])
            }
        }
    }

    @Test(
        "A mirror that has something else is not asked again, and no byte of it is delivered",
        arguments: Other.allCases
    )
    func somethingElse(_ other: Other) throws {
        origin.put(Self.target, .tagged(Self.content))
        if let version = other.version { mirror.put("/debian\(Self.target)", version) }
        let answer = try check()
        #expect(answer.body == CheckedBody(count: Self.hole, end: .truncated))
        #expect(mirror.requests.count == 1)
        // The version at the origin is what it was: when that is there again, it goes on from there.
        origin.setFaults { _, _ in FileFaults() }
        #expect(try check().body.isWhole)
        #expect(origin.tally(Self.target).overlapBytes <= 2 * overlapProbe)
    }

    @Test("A client's credentials are not shown to a mirror")
    func credentials() throws {
        var version = FileVersion.tagged(Self.content)
        version.cacheControl = "public, max-age=60"
        origin.put(Self.target, version)
        mirror.put("/debian\(Self.target)", version)
        #expect(try check(["Authorization": "Basic YTpi"]).body.end == .truncated)
        #expect(mirror.requests.isEmpty)
    }
}
