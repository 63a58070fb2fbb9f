// Who may use the proxy, and what may be reached through it (issue: Who may use it; R60 to R65). Clients of another
// machine are played by an address of this one that is not a loopback address, where there is one.

import Foundation
import Glibc
import ScriptedPeers
import Testing

/// An IPv4 address of this machine that is not a loopback address; nil where there is none.
private let outerAddress: String? = {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return nil }
    defer { freeifaddrs(list) }
    var entry = list
    while let current = entry {
        entry = current.pointee.ifa_next
        guard let address = current.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else {
            continue
        }
        var text = [CChar](repeating: 0, count: 64)
        getnameinfo(address, socklen_t(MemoryLayout<sockaddr_in>.size), &text, 64, nil, 0, NI_NUMERICHOST)
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if !name.hasPrefix("127.") { return name }
    }
    return nil
}()

private let hasOuterAddress = outerAddress != nil

@Suite("Who may use the proxy, and for what", .onOwnThreads)
struct WhoMayUseTests {
    /// A scene that listens on every address, with clients of this network allowed.
    private func open(_ settings: [String], clients: String? = nil) throws -> ScriptedScene {
        let outer = outerAddress ?? "192.0.2.1"
        let allowed = "access.clients=\(clients ?? "[\"\(outer)/32\"]")"
        return try ScriptedScene(
            settings: [allowed] + settings,
            listen: "0.0.0.0:0",
            handler: answering("hello", ["Cache-Control": "max-age=60"])
        )
    }

    /// A GET from an address that is not this machine's own.
    private func outerGet(_ scene: ScriptedScene, _ url: String) throws -> ReceivedResponse {
        let client = try PeerClient(port: scene.proxy.port, address: outerAddress ?? "")
        defer { client.close() }
        try client.request(url)
        return try client.response()
    }

    // MARK: Listening

    @Test("Another listening address without access.clients: the start is refused, and the sentence says what to write")
    func listenWithoutClients() throws {
        let folder = try TemporaryDirectory()
        for address in ["0.0.0.0:0", "[::]:0", "10.1.2.3:3128"] {
            let result = try ProxyProcess.run(["serve", "--listen", address, "--cache", folder.file("cache")])
            #expect(result.status == 1, "\(address)")
            #expect(result.errors.contains("access.clients ="), "\(address)")
            #expect(result.errors.contains(address.dropLast(2)), "\(address)")
            #expect(!result.output.contains("listening"), "\(address)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("cache")))
    }

    @Test("With access.clients it starts, and this machine is served anyway")
    func listenWithClients() throws {
        let scene = try open([], clients: "\"private\"")
        #expect(try scene.get("/a").text == "hello")
    }

    @Test("A client that is not named is refused with a sentence, CONNECT too (R60)", .enabled(if: hasOuterAddress))
    func unnamedClient() throws {
        let scene = try open([], clients: "[\"198.51.100.0/24\"]")
        let response = try outerGet(scene, scene.url("/a"))
        #expect(response.status == 403)
        #expect(response.text.contains("access.clients"))
        let client = try PeerClient(port: scene.proxy.port, address: outerAddress ?? "")
        try client.send("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
        #expect(try client.head(method: "CONNECT").status == 403)
        #expect(scene.origin.requests.isEmpty)
    }

    // MARK: Destinations

    @Test("Clients on this machine reach it by address and by name, as they could without the proxy (R62)")
    func loopbackReachesLoopback() throws {
        let scene = try ScriptedScene(handler: answering("hello"))
        #expect(try scene.get("/a").text == "hello")
        let named = try PeerClient.get("http://localhost:\(scene.origin.port)/a", through: scene.proxy.port)
        #expect(named.text == "hello")
    }

    @Test("access.loopback_reaches_all = false puts them under access.destinations (R62)")
    func loopbackRestricted() throws {
        let scene = try ScriptedScene(settings: ["access.loopback_reaches_all=false"], handler: answering())
        let port = scene.origin.port
        for host in [
            "127.0.0.1:\(port)", "localhost:\(port)", "0.0.0.0:\(port)", "[::1]:\(port)", "[::ffff:127.0.0.1]:\(port)",
        ] {
            let response = try PeerClient.get("http://\(host)/a", through: scene.proxy.port)
            #expect(response.status == 403, "\(host)")
            #expect(response.body.count > 10, "\(host)")
        }
        let tunnel = try ScriptedScene(
            settings: ["access.loopback_reaches_all=false", "access.connect_ports=[\"1-65535\"]"],
            handler: answering()
        )
        let (response, _) = try tunnel.raw(
            "CONNECT \(tunnel.origin.authority) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        )
        #expect(response.status == 403)
        #expect(scene.origin.connectionCount + tunnel.origin.connectionCount == 0)
    }

    @Test("access.destinations opens a loopback address only where it is named literally with its port (R62)")
    func literalDestination() throws {
        let origin = try ScriptedOrigin(handler: answering("hello"))
        defer { origin.stop() }
        let cases: [(destinations: String, host: String, isOpen: Bool)] = [
            ("[\"127.0.0.1:\(origin.port)\"]", "127.0.0.1", true),
            ("[\"127.0.0.1:\(origin.port)\"]", "localhost", false),
            ("[\"localhost:\(origin.port)\"]", "localhost", true),
            ("[\"localhost:\(origin.port)\"]", "127.0.0.1", false),
            ("[\"127.0.0.0/8\"]", "127.0.0.1", false),
            ("[\"localhost\"]", "localhost", false),
            ("[\"127.0.0.1:1\"]", "127.0.0.1", false),
        ]
        for item in cases {
            let scene = try ScriptedScene(
                settings: ["access.loopback_reaches_all=false", "access.destinations=\(item.destinations)"],
                handler: answering()
            )
            let url = "http://\(item.host):\(origin.port)/a"
            let response = try PeerClient.get(url, through: scene.proxy.port)
            #expect(response.status == (item.isOpen ? 200 : 403), "\(item)")
        }
    }

    @Test(
        "Other machines reach no private, link-local or loopback address through the proxy (R62, R63)",
        .enabled(if: hasOuterAddress)
    )
    func outerClients() throws {
        let scene = try open([])
        let port = scene.origin.port
        let hosts = [
            "127.0.0.1:\(port)", "localhost:\(port)", "0.0.0.0:\(port)", "[::1]:\(port)", "[::ffff:127.0.0.1]:\(port)",
            "169.254.169.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1", "224.0.0.1",
            "240.0.0.1",
            "[fc00::1]", "[fe80::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]:\(port)",
        ]
        for host in hosts {
            #expect(try outerGet(scene, "http://\(host)/a").status == 403, "\(host)")
        }
        #expect(scene.origin.connectionCount == 0)
    }

    @Test(
        "A stored response answers only clients to whom the address that it came from is open (R62)",
        .enabled(if: hasOuterAddress)
    )
    func storedResponse() throws {
        let scene = try open([])
        #expect(try scene.get("/a").status == 200)
        #expect(try scene.get("/a")["Cache-Status"]?.contains("hit") == true)
        let response = try outerGet(scene, scene.url("/a"))
        #expect(response.status == 403)
        #expect(!response.text.contains("hello"))
        #expect(try scene.get("/a")["Cache-Status"]?.contains("hit") == true)
    }

    // MARK: The proxy's own address

    @Test("The proxy's own listener is never a destination, under whatever name (R64)")
    func ownListener() throws {
        let settings = ["access.connect_ports=[\"1-65535\"]", "access.destinations=[\"127.0.0.1:1\"]"]
        let scene = try ScriptedScene(settings: settings, handler: answering())
        let port = scene.proxy.port
        let hosts = ["127.0.0.1", "localhost", "0.0.0.0", "127.0.0.2", "[::]", "[::ffff:127.0.0.1]", "[::1]"]
        for host in hosts {
            let response = try PeerClient.get("http://\(host):\(port)/a", through: port)
            #expect(response.status == 403, "\(host)")
            let client = try scene.client()
            try client.send("CONNECT \(host):\(port) HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.head(method: "CONNECT").status == 403, "\(host)")
        }
    }

    @Test("A listener on every address is not a destination on any of them (R64)", .enabled(if: hasOuterAddress))
    func ownListenerOnEveryAddress() throws {
        let scene = try open([])
        for host in ["127.0.0.1", "localhost", "127.9.9.9", outerAddress ?? "", "0.0.0.0"] {
            let url = "http://\(host):\(scene.proxy.port)/a"
            #expect(try PeerClient.get(url, through: scene.proxy.port).status == 403, "\(host)")
        }
    }

    // MARK: Ports

    @Test("http reaches 80, 443 and 1024 to 65535, without the ports that browsers refuse (R61)")
    func httpPorts() throws {
        let scene = try ScriptedScene(handler: answering())
        for port in [22, 25, 81, 1023, 6000, 6667, 10080] {
            let response = try PeerClient.get("http://127.0.0.77:\(port)/a", through: scene.proxy.port)
            #expect(response.status == 403, "\(port)")
            #expect(response.text.contains("access.http_ports"), "\(port)")
        }
        for port in [80, 443, 1024, 65535] {
            let response = try PeerClient.get("http://127.0.0.77:\(port)/a", through: scene.proxy.port)
            #expect(response.status == 502, "\(port)")
        }
    }

    @Test("access.http_ports is a list of numbers and ranges (R61)")
    func httpPortsDirective() throws {
        let origin = try ScriptedOrigin(handler: answering("hello"))
        defer { origin.stop() }
        let closed = try ScriptedScene(settings: ["access.http_ports=[80]"], handler: answering())
        #expect(try PeerClient.get(origin.url("/a"), through: closed.proxy.port).status == 403)
        let open = try ScriptedScene(settings: ["access.http_ports=[80, \(origin.port)]"], handler: answering())
        #expect(try PeerClient.get(origin.url("/a"), through: open.proxy.port).text == "hello")
    }
}
