// `holdfast-lab check URL FILE`: asks a running laboratory what the file is, and compares every byte.

import ArgumentParser
import FoundationEssentials
import Glibc

struct CheckFile: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compare a file with what the laboratory's URL really holds.",
        discussion: """
            The laboratory is asked for its seed and versions only; the bytes are computed here. Any version counts that \
            the file has had, unless --version names one; a file of bytes of two versions never does.

            Exit status: 0 equal, 1 different or incomplete, 2 could not be compared.

              holdfast-lab check 'http://127.0.0.1:9000/f/35M/disk.iso?drop=10M' disk.iso
            """
    )

    @Argument(help: "The URL of the file, as it was downloaded.")
    var url: String

    @Argument(help: "The downloaded file.")
    var file: String

    @Option(help: "The only version that counts.")
    var version: Int64?

    @Flag(help: "Print the result as a line of JSON.")
    var json = false

    func run() throws {
        let comparison: Comparison
        do {
            comparison = try compared()
        } catch {
            let text = "holdfast-lab: \(error)\n"
            _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            throw ExitCode(2)
        }
        say(json ? jsonLine(comparison) : "\(file): \(comparison.sentence)")
        if !comparison.isEqual { throw ExitCode(1) }
    }

    private func compared() throws -> Comparison {
        let truth = try Self.truth(of: url)
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw LabFailure(call: file) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw LabFailure(call: file) }
        return try Comparison(truth, fileLength: Int64(status.st_size), version: version) { buffer, offset in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, Int(offset))
            if count < 0 { throw LabFailure(call: file) }
            return count
        }
    }

    /// Asks the laboratory itself, past any proxy.
    static func truth(of url: String) throws -> Truth {
        guard url.hasPrefix("http://") else { throw LabFailure("The URL begins with http://: \(url)") }
        let rest = url.dropFirst(7)
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let target = rest[slash...]
        guard target.hasPrefix("/f/") else {
            throw LabFailure("The URL of a file is http://HOST:PORT/f/SIZE/NAME: \(url)")
        }
        let authority = rest[..<slash]
        let hasPort = authority.last { $0 == ":" || $0 == "]" } == ":"
        let (host, port) = try LabSocket.split(hasPort ? String(authority) : "\(authority):80")
        let query = target.contains("?") ? "&hash=no" : "?hash=no"
        let socket = try LabSocket.connected(host: host, port: port)
        let head =
            "GET /truth/\(target.dropFirst(3))\(query) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\r\n"
        guard socket.send(Array(head.utf8)) else { throw LabFailure("\(authority) closed the connection") }
        var bytes: [UInt8] = []
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { memory in
            while bytes.count < 65_536, let count = socket.receive(into: memory), count > 0 {
                bytes.append(contentsOf: memory[..<count])
            }
        }
        let answer = String(decoding: bytes, as: UTF8.self)
        guard let end = answer.firstRange(of: "\r\n\r\n") else { throw LabFailure("\(authority) did not answer") }
        let body = answer[end.upperBound...]
        guard answer.hasPrefix("HTTP/1.1 200 ") else {
            throw LabFailure("\(authority) answered \(answer.prefix { !$0.isNewline }): \(trimmed(body))")
        }
        return try JSONDecoder().decode(Truth.self, from: Data(body.utf8))
    }
}
