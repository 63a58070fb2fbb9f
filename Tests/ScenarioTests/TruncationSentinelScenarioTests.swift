// A body ended as if it were whole: the origin is asked whether it was, before its client is told so, and what is missing
// is fetched in the same response (resume-rules 11, "Truncation sentinel").

import ScriptedPeers
import Testing

@Suite("The end of a body without a length is confirmed (resume-rules 11)", .onOwnThreads)
struct TruncationSentinelScenarioTests {
    static let target = "/file"
    static let content = Content(seed: 7401, length: 3 * mebibyte)

    /// The first GET ends after a mebibyte as if that were all.
    static func scene(
        _ version: FileVersion,
        framing: FileFaults.Framing = .closeDelimited,
        settings: [String] = []
    ) throws -> Scene {
        let scene = try Scene(settings: settings)
        scene.origin.put(target, version)
        scene.origin.setFaults { request, number in
            FileFaults {
                // HEAD names the length.
                if request.method == "GET", request.askedRange == nil { $0.framing = framing }
                if number == 0 { $0.endsAfter = mebibyte }
            }
        }
        return scene
    }

    @Test("Its last byte shows that there is more: the rest follows in the same response, and all is held")
    func goesOn() throws {
        let scene = try Self.scene(.tagged(Self.content))
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let asked = scene.origin.requests.map { $0.askedRange?.first }
        #expect(asked == [nil, mebibyte - 1, mebibyte - overlapProbe])
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }

    @Test("HEAD shows that there is more under a weak validator: the whole is compared, and the response goes on")
    func restarts() throws {
        let scene = try Self.scene(.tagged(Self.content, "W/\"one\""))
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        #expect(scene.origin.requests.map(\.method).prefix(3) == ["GET", "HEAD", "GET"])
    }

    @Test("A whole body is confirmed, and a hit from then on", arguments: ["\"one\"", "W/\"one\"", nil])
    func confirmed(tag: String?) throws {
        let scene = try Scene()
        scene.origin.put(Self.target, FileVersion(Self.content, etag: tag, cacheControl: "max-age=3600"))
        scene.origin.setFaults { request, _ in
            FileFaults { if request.method == "GET" { $0.framing = .closeDelimited } }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        try scene.waitUntilNothingIsFilled()
        let asked = scene.origin.requests.count
        #expect(try scene.isServedWhole(Self.target, Self.content))
        #expect(scene.origin.requests.count == asked)
    }

    @Test("What names no version is not measured by the length of another answer: it ends as it came")
    func unnamed() throws {
        let scene = try Self.scene(FileVersion(Self.content, cacheControl: "max-age=3600"))
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: mebibyte, end: .complete))
        #expect(scene.origin.requests.map(\.method) == ["GET", "HEAD"])
        // It is not believed either: the next client gets all of it.
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
    }

    @Test("An origin that has nothing to say to the questions: it ends as it came, and is held as incomplete")
    func noAnswer() throws {
        let scene = try Scene()
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { request, number in
            FileFaults {
                if number == 0 {
                    $0.framing = .closeDelimited
                } else if request.method == "HEAD" || number == 1 {
                    $0.closeBeforeHead = true
                }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        try scene.waitUntilNothingIsFilled()
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
    }

    @Test("Once an origin has ended a body too early, the last chunk of another one is not believed either")
    func distrusted() throws {
        let scene = try Self.scene(.tagged(Self.content))
        #expect(try scene.check(Self.target, Self.content).body.isWhole)
        scene.origin.put("/chunked", .tagged(Self.content))
        scene.origin.setFaults { request, number in
            FileFaults {
                guard request.method == "GET", request.askedRange == nil else { return }
                $0.framing = .chunked
                $0.endsAfter = mebibyte
            }
        }
        let answer = try scene.check("/chunked", Self.content)
        #expect(answer.head["Transfer-Encoding"] == "chunked")
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
    }

    @Test("resume.confirm_end = false asks nothing")
    func off() throws {
        let scene = try Self.scene(.tagged(Self.content), settings: ["resume.confirm_end=false"])
        #expect(try scene.check(Self.target, Self.content).body == CheckedBody(count: mebibyte, end: .complete))
        try scene.waitUntilNothingIsFilled()
        let asked = scene.origin.requests.map { "\($0.method) \($0["Range"] ?? "all")" }
        #expect(asked == ["GET all"])
    }

    @Test(
        "416 behind what is held, of a length that was not known: confirmed, it is whole without another byte (row 7)"
    )
    func nothingIsMissing() throws {
        // Chunked, strong, and the last chunk is missing; no byte is asked for twice.
        let scene = try Scene(settings: ["resume.overlap_probe=0"])
        scene.origin.put(Self.target, .tagged(Self.content))
        scene.origin.setFaults { _, number in
            FileFaults {
                $0.framing = .chunked
                if number == 0 { $0.closeAfter = Self.content.length }
            }
        }
        let answer = try scene.check(Self.target, Self.content)
        #expect(answer.body == CheckedBody(count: Self.content.length, end: .complete))
        let asked = scene.origin.requests.map { $0.askedRange?.first }
        #expect(asked == [nil, Self.content.length, Self.content.length - 1])
        #expect(try scene.isServedWhole(Self.target, Self.content))
    }
}
