// The condition of the short way: a request at which no rule looks.

import HTTPSemantics
import Testing

@Suite("Plain reads (architecture: the short way of a hit)")
struct PlainReadTests {
    @Test("What a client sends that only wants the file is plain")
    func plain() {
        #expect(
            request([
                "Host": "a", "User-Agent": "curl", "Accept": "*/*", "Accept-Encoding": "gzip", "Cookie": "a=b",
                "Connection": "Keep-Alive", "Proxy-Connection": "keep-alive",
            ]).isPlainRead
        )
    }

    @Test(
        "Each of these makes it not plain",
        arguments: [
            "Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range",
            "Cache-Control",
            "Pragma", "Authorization", "Expect", "Via", "Content-Length", "Transfer-Encoding", "Upgrade", "TE",
            "Trailer",
            "Proxy-Authorization", "HTTP2-Settings", "Connection", "Proxy-Connection", "cache-control",
        ]
    )
    func notPlain(name: String) {
        var head = request(["Host": "a"])
        head.fields.append(name: name, value: "close")
        #expect(!head.isPlainRead)
    }

    @Test("So do another method, version or form of target")
    func others() {
        #expect(!request(method: .head).isPlainRead)
        #expect(!request(version: .http10).isPlainRead)
        #expect(!request(target: .origin(pathAndQuery: "/")).isPlainRead)
    }
}
