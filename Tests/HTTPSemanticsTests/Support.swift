// What the tests of this target share: heads written in one line.

import HTTPSemantics

/// A section of these lines, in order.
func section(_ lines: KeyValuePairs<String, String> = [:]) -> FieldSection {
    var fields = FieldSection()
    for (name, value) in lines { fields.append(name: name, value: value) }
    return fields
}

/// A section of one line whose value is these bytes.
func section(_ name: String, bytes: [UInt8]) -> FieldSection {
    var fields = FieldSection()
    Array(name.utf8).withUnsafeBytes { nameBytes in
        bytes.withUnsafeBytes { fields.append(name: nameBytes, value: $0) }
    }
    return fields
}

/// The lines of a section as text, in order.
func lines(_ fields: FieldSection) -> [String] {
    var lines: [String] = []
    fields.forEach { lines.append("\($0.name): \($0.value)") }
    return lines
}

let exampleURI = AbsoluteURI(
    scheme: "http",
    authority: Authority(host: "example.org", port: nil),
    pathAndQuery: "/file"
)

func request(
    _ lines: KeyValuePairs<String, String> = [:],
    method: Method = .get,
    target: RequestTarget = .absolute(exampleURI),
    version: HTTPVersion = .http11
) -> RequestHead {
    RequestHead(method: method, target: target, version: version, fields: section(lines))
}

func response(_ status: Int = 200, _ lines: KeyValuePairs<String, String> = [:]) -> ResponseHead {
    ResponseHead(status: status, fields: section(lines))
}

/// `Tue, 15 Nov 1994 08:12:31 GMT` in seconds since 1970 UTC: the instant that the tables count from.
let instant: Int64 = 784_887_151
