// One answer of a file origin: which status RFC 9110 §13.2.2 asks for, and how the body leaves, faults included.

import Glibc

struct FileAnswer {
    let request: ReceivedRequest
    let file: FileVersion?
    let faults: FileFaults

    private enum Decision: Equatable {
        case whole
        case part(Range<Int64>)
        case notModified
        case preconditionFailed
        case unsatisfiable
    }

    func send(on connection: OriginConnection) throws {
        try faults.holdHead?.arriveAndWait()
        if faults.closeBeforeHead { return connection.close() }
        if let instead = faults.instead {
            return try connection.respond(instead.status, "Instead", fields: instead.fields, text: "instead\n")
        }
        guard let file else { return try connection.respond(404, "Not Found", text: "no such file\n") }
        guard request.method == "GET" || request.method == "HEAD" else {
            return try connection.respond(405, "Method Not Allowed", fields: ["Allow": "GET, HEAD"])
        }
        let total = file.content.length
        switch decision(file) {
        case .whole:
            try send(file, 0..<total, "200 OK", contentRange: nil, on: connection)
        case .part(let range):
            let truth = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(total)"
            try send(file, range, "206 Partial Content", contentRange: faults.contentRange ?? truth, on: connection)
        case .notModified:
            try connection.send("\(faults.version) 304 Not Modified\r\n\(validatorFields(file).text)\r\n")
        case .preconditionFailed:
            try connection.respond(412, "Precondition Failed", fields: validatorFields(file))
        case .unsatisfiable:
            let fields: PeerFields = ["Content-Range": "bytes */\(total)"]
            try connection.respond(416, "Range Not Satisfiable", fields: fields)
        }
        if faults.closesAfterAnswer || request.fields.list("Connection", contains: "close") { connection.close() }
    }

    /// The order of RFC 9110 §13.2.2: If-Match, If-None-Match or If-Modified-Since, then Range with If-Range.
    private func decision(_ file: FileVersion) -> Decision {
        if !faults.ignoresConditions {
            if let asked = request["If-Match"], !matches(asked, file, strongly: true) { return .preconditionFailed }
            if let asked = request["If-None-Match"] {
                if matches(asked, file, strongly: false) { return .notModified }
            } else if let asked = request["If-Modified-Since"].flatMap({ unixSeconds(httpDate: $0) }),
                let modified = file.lastModified.flatMap({ unixSeconds(httpDate: $0) }), modified <= asked
            {
                return .notModified
            }
        }
        guard request.method == "GET", let asked = request["Range"], !faults.ignoresRange else { return .whole }
        if let condition = request["If-Range"], !faults.ignoresIfRange {
            let isTag = condition.hasPrefix("\"") || condition.hasPrefix("W/")
            // A weak tag never matches here (§13.1.5); a date matches only exactly.
            let holds = isTag ? condition == file.etag && !condition.hasPrefix("W/") : condition == file.lastModified
            if !holds { return .whole }
        }
        return range(asked, total: file.content.length)
    }

    private func matches(_ field: String, _ file: FileVersion, strongly: Bool) -> Bool {
        guard let own = file.etag else { return false }
        if field == "*" { return true }
        let opaque: (String) -> String = { $0.hasPrefix("W/") ? String($0.dropFirst(2)) : $0 }
        return field.split(separator: ",").map { trimmed($0) }.contains { tag in
            strongly ? tag == own && !tag.hasPrefix("W/") : opaque(tag) == opaque(own)
        }
    }

    /// One range of bytes; several, or another unit, are ignored, as §14.2 allows.
    private func range(_ field: String, total: Int64) -> Decision {
        guard field.hasPrefix("bytes=") else { return .whole }
        let parts = field.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return .whole }
        if parts[0].isEmpty {
            guard let suffix = Int64(parts[1]) else { return .whole }
            if suffix == 0 || total == 0 { return .unsatisfiable }
            return .part(max(0, total - suffix)..<total)
        }
        guard let first = Int64(parts[0]) else { return .whole }
        if first >= total { return .unsatisfiable }
        if parts[1].isEmpty { return .part(first..<total) }
        guard let last = Int64(parts[1]), last >= first else { return .whole }
        return .part(first..<min(last, total - 1) + 1)
    }

    private func validatorFields(_ file: FileVersion) -> PeerFields {
        var fields = PeerFields()
        if file.sendsDate { fields.append("Date", file.date ?? httpDate()) }
        if let value = file.etag { fields.append("ETag", value) }
        if let value = file.lastModified { fields.append("Last-Modified", value) }
        if let value = file.cacheControl { fields.append("Cache-Control", value) }
        for field in file.fields.all { fields.append(field.name, field.value) }
        return fields
    }

    private func send(
        _ file: FileVersion,
        _ range: Range<Int64>,
        _ status: String,
        contentRange: String?,
        on connection: OriginConnection
    ) throws {
        var file = file
        if contentRange != nil, faults.omitsValidatorsOfParts { (file.etag, file.lastModified) = (nil, nil) }
        var fields = validatorFields(file)
        fields.append("Content-Type", file.contentType)
        if let value = file.acceptRanges { fields.append("Accept-Ranges", value) }
        if let value = contentRange, !value.isEmpty { fields.append("Content-Range", value) }
        switch faults.framing {
        case .length: fields.append("Content-Length", "\(range.upperBound - range.lowerBound)")
        case .chunked: fields.append("Transfer-Encoding", "chunked")
        case .closeDelimited: fields.append("Connection", "close")
        }
        if faults.closesAfterAnswer && faults.framing != .closeDelimited { fields.append("Connection", "close") }
        try connection.send("\(faults.version) \(status)\r\n\(fields.text)\r\n")
        if request.method == "HEAD" { return }
        try sendBody(file.content, range, on: connection)
    }

    private func sendBody(_ content: Content, _ range: Range<Int64>, on connection: OriginConnection) throws {
        let begin = monotonicNanoseconds()
        var sent: Int64 = 0
        let total = range.upperBound - range.lowerBound
        while true {
            if let stall = faults.stallAfter, sent == stall.bytes { try stall.until.arriveAndWait() }
            if sent == faults.closeAfter { return connection.close() }
            if sent == faults.resetAfter { return connection.reset() }
            if sent == total || sent == faults.endsAfter { break }
            // A piece ends where something is to happen, at the latest after 64 KiB.
            let stops = [faults.stallAfter?.bytes, faults.closeAfter, faults.resetAfter, faults.endsAfter].compactMap {
                $0
            }
            let piece = faults.bytesPerSecond.map { max(1, min(65_536, $0 / 20)) } ?? 65_536
            let end = stops.filter { $0 > sent }.reduce(min(total, sent + piece)) { min($0, $1) }
            let bytes = content.bytes(range.lowerBound + sent..<range.lowerBound + end)
            if faults.framing == .chunked { try connection.sendChunk(bytes) } else { try connection.send(bytes) }
            sent = end
            pace(sent, since: begin)
        }
        switch faults.framing {
        case .length: break
        case .chunked: try connection.sendLastChunk()
        case .closeDelimited: connection.close()
        }
    }

    private func pace(_ sent: Int64, since begin: Int64) {
        guard let rate = faults.bytesPerSecond, rate > 0 else { return }
        let due = begin + Int64(Double(sent) / Double(rate) * 1e9)
        let early = due - monotonicNanoseconds()
        if early > 0 { usleep(UInt32(clamping: early / 1000)) }
    }
}
