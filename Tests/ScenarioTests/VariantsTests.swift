// Several responses under one URL: which of them answers is said by Vary (RFC 9111 §4.1; R11, R73; resume-rules 8).

import ScriptedPeers
import Testing

@Suite("Variants", .onOwnThreads)
struct VariantsTests {
    /// An origin that answers in the language that it is asked for, or says `vary` instead.
    private func scene(
        vary: String = "Accept-Language",
        control: String = "max-age=60"
    ) throws -> ScriptedScene {
        try ScriptedScene { request, connection in
            let language = request["Accept-Language"] ?? "none"
            let fields: PeerFields = ["Vary": vary, "Cache-Control": control, "ETag": "\"\(language)\""]
            if request.fields.values("If-None-Match").contains(where: { $0.contains("\"\(language)\"") }) {
                return try connection.send("HTTP/1.1 304 Not Modified\r\n\(fields.text)\r\n")
            }
            try connection.respond(fields: fields, text: "in \(language)")
        }
    }

    private func get(_ scene: ScriptedScene, _ language: String?, _ more: PeerFields = [:]) throws -> ReceivedResponse {
        var fields = more
        if let language { fields.append("Accept-Language", language) }
        return try scene.get("/a", fields)
    }

    @Test("Each variant answers the requests that are like its own")
    func variants() throws {
        let scene = try scene()
        #expect(try get(scene, "de")["Cache-Status"]?.contains("fwd=uri-miss") == true)
        #expect(try get(scene, "fr")["Cache-Status"]?.contains("fwd=vary-miss") == true)
        #expect(try get(scene, nil).text == "in none")
        for language in ["de", "fr", nil, "de"] {
            let response = try get(scene, language)
            #expect(response.text == "in \(language ?? "none")")
            #expect(response["Cache-Status"]?.contains("hit") == true)
            #expect(response["Vary"] == "Accept-Language")
        }
        #expect(scene.origin.requests.count == 3)
    }

    @Test("Vary: * is never used again without the origin (RFC 9111 §4.1, R70)")
    func varyAny() throws {
        for vary in ["*", "Accept-Language, *"] {
            let scene = try scene(vary: vary)
            for _ in 0..<2 { #expect(try get(scene, "de").text == "in de") }
            #expect(scene.origin.requests.count == 2)
        }
    }

    @Test("More than 16 names, or names that are none, are not stored (R11)")
    func tooManyNames() throws {
        let many = (0..<17).map { "X-\($0)" }.joined(separator: ", ")
        for vary in [many, "a b", "x\u{E9}"] {
            let scene = try scene(vary: vary)
            for _ in 0..<2 { #expect(try get(scene, "de").text == "in de", "\(vary)") }
            #expect(scene.origin.requests.count == 2, "\(vary)")
            #expect(try scene.proxy.command("ls", "--json").output.isEmpty, "\(vary)")
        }
    }

    @Test("What is stored without Vary answers every request")
    func withoutVary() throws {
        let scene = try ScriptedScene(handler: answering("x", ["Cache-Control": "max-age=60"]))
        for language in ["de", "fr"] { #expect(try get(scene, language).text == "x") }
        #expect(scene.origin.requests.count == 1)
    }

    @Test("Several fields count as one list, and every name has to match (RFC 9111 §4.1)")
    func severalNames() throws {
        let scene = try scene(vary: "accept-language,X-Device")
        #expect(try get(scene, "de", ["X-Device": "a"]).status == 200)
        #expect(try get(scene, "de", ["X-Device": "a"])["Cache-Status"]?.contains("hit") == true)
        #expect(try get(scene, "de", ["X-Device": "b"])["Cache-Status"]?.contains("vary-miss") == true)
        #expect(try get(scene, "de")["Cache-Status"]?.contains("vary-miss") == true)
        #expect(scene.origin.requests.count == 3)
    }

    @Test("All variants' tags are named, and a 304 freshens only the one it names (R73)")
    func validation() throws {
        let scene = try scene(control: "no-cache")
        for language in ["de", "fr", "de", "fr"] {
            let response = try get(scene, language)
            #expect(response.status == 200)
            #expect(response.text == "in \(language)")
        }
        let conditions = scene.origin.requests.map { $0["If-None-Match"] }
        // The tags of the others are named as well (RFC 9111 §4.3.1); its own comes first.
        #expect(conditions.map { $0 ?? "" } == ["", "\"de\"", "\"de\", \"fr\"", "\"fr\", \"de\""])
    }

    @Test("Encoded variants are kept and served as they came, byte for byte (resume-rules 8)")
    func encodings() throws {
        let plain = Content(seed: 41, length: 30_000)
        let encoded = Content(seed: 42, length: 20_000)
        let scene = try ScriptedScene { request, connection in
            let isEncoded = request.fields.list("Accept-Encoding", contains: "gzip")
            var fields: PeerFields = ["Vary": "Accept-Encoding", "Cache-Control": "max-age=60"]
            fields.append("ETag", isEncoded ? "\"gz\"" : "\"plain\"")
            if isEncoded { fields.append("Content-Encoding", "gzip") }
            try connection.respond(fields: fields, body: (isEncoded ? encoded : plain).allBytes)
        }
        for _ in 0..<2 {
            let coded = try scene.get("/a", ["Accept-Encoding": "gzip"])
            #expect(coded["Content-Encoding"] == "gzip")
            #expect(coded.body == encoded.allBytes)
            let bare = try scene.get("/a")
            #expect(bare["Content-Encoding"] == nil)
            #expect(bare.body == plain.allBytes)
        }
        let part = try scene.get("/a", ["Accept-Encoding": "gzip", "Range": "bytes=100-199", "If-Range": "\"gz\""])
        #expect(part.body == encoded.bytes(100..<200))
        #expect(scene.origin.requests.count == 2)
    }

    @Test("A URL keeps at most 64 variants; the one used longest ago goes (R11)")
    func manyVariants() throws {
        let scene = try scene()
        for number in 0..<70 { #expect(try get(scene, "l\(number)").status == 200) }
        #expect(try get(scene, "l69")["Cache-Status"]?.contains("hit") == true)
        #expect(try get(scene, "l0")["Cache-Status"]?.contains("hit") == false)
        let listed = try scene.proxy.command("ls", "--json").output.split(separator: "\n")
        #expect(listed.count <= 64)
    }

    @Test("show names every variant with the fields that chose it, and purge removes them all")
    func commands() throws {
        let scene = try scene()
        for language in ["de", "fr"] { _ = try get(scene, language) }
        let shown = try jsonObject(try scene.proxy.command("show", scene.url("/a"), "--json").output)
        let versions = try #require(shown["versions"] as? [[String: Any]])
        let languages = versions.flatMap { ($0["requestFields"] as? [[String: String]]) ?? [] }.map {
            $0["value"] ?? ""
        }
        #expect(languages.sorted() == ["de", "fr"])
        let purged = try jsonObject(try scene.proxy.command("purge", scene.url("/a"), "--json").output)
        #expect(purged["removed"] as? Int == 2)
        for language in ["de", "fr"] {
            #expect(try get(scene, language)["Cache-Status"]?.contains("hit") == false)
        }
    }

    @Test("An unsafe method makes all variants doubtful (RFC 9111 §4.4)")
    func invalidation() throws {
        let scene = try scene()
        for language in ["de", "fr"] { _ = try get(scene, language) }
        #expect(try scene.get("/a", method: "DELETE").status == 200)
        for language in ["de", "fr"] {
            #expect(try get(scene, language)["Cache-Status"]?.contains("hit") == false, "\(language)")
        }
    }
}
