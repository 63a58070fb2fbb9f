// What a request for a file is answered with: a pure function of the request, the file's faults and the moment. The
// order is that of RFC 9110 §13.2.2: first what refuses the request, then preconditions, then ranges.

import FoundationEssentials

/// What planning is given.
package struct AnswerPlan {
    let request: LabRequest
    let file: LabFile
    let moment: Moment
    let labSeed: UInt64
    /// The bytes of this version, plain or as gzip.
    let representation: (_ isGzip: Bool) -> Representation
    /// The hash of a range of a representation; nil for all of it.
    let hash: (Representation, Range<Int64>?, HashAlgorithm) -> [UInt8]

    package init(
        _ request: LabRequest,
        _ file: LabFile,
        _ moment: Moment,
        labSeed: UInt64,
        representation: @escaping (Bool) -> Representation,
        hash: @escaping (Representation, Range<Int64>?, HashAlgorithm) -> [UInt8]
    ) {
        self.request = request
        self.file = file
        self.moment = moment
        self.labSeed = labSeed
        self.representation = representation
        self.hash = hash
    }

    private var faults: Faults { file.faults }

    /// The answer, and the representation that its spans speak of.
    package func made() -> (Answer, Representation) {
        let isGzip: Bool
        switch faults.encoding {
        case .identity: isGzip = false
        case .gzip: isGzip = request.list("Accept-Encoding", contains: "gzip")
        case .gzipFlip: isGzip = moment.requestNumber % 2 == 0
        }
        let chosen = representation(isGzip)
        return (refusal ?? answer(chosen, isGzip: isGzip), chosen)
    }

    // MARK: Instead of the file

    private var refusal: Answer? {
        if let limit = faults.limitPerClient, moment.runningOfClient > limit {
            return refused(429, "This client has \(limit) requests at once already.")
        }
        if let limit = faults.parallel, moment.runningHere > limit {
            return refused(429, "\(limit) requests of this URL are being answered already.")
        }
        if request.method != "GET" && request.method != "HEAD" {
            var answer = dated(.sentence(405, "The laboratory answers GET and HEAD."))
            answer.add("Allow", "GET, HEAD")
            return answer
        }
        let hasRange = request["Range"] != nil
        if (faults.when == .range && !hasRange) || (faults.when == .whole && hasRange) { return nil }
        if let redirect = faults.redirect {
            var answer = refused(redirect.status, "Go on.")
            answer.add("Location", file.afterRedirect(redirect))
            return answer
        }
        if let credentials = faults.auth,
            request["Authorization"] != "Basic " + Data(credentials.utf8).base64EncodedString()
        {
            var answer = refused(401, "Credentials are needed.")
            answer.add("WWW-Authenticate", "Basic realm=\"laboratory\"")
            return answer
        }
        if let name = faults.neededCookie {
            let pairs = (request["Cookie"] ?? "").split(separator: ";").map { trimmed($0) }
            if !pairs.contains(where: { $0.hasPrefix("\(name)=") }) {
                return refused(403, "A cookie named \(name) is needed.")
            }
        }
        if let status = faults.status { return refused(status, "status=\(status)") }
        if let first = faults.first, moment.requestNumber <= first.count {
            return refused(first.status, "This is request \(moment.requestNumber) of this URL.")
        }
        if let every = faults.every, moment.requestNumber % every.count == 0 {
            return refused(every.status, "This is request \(moment.requestNumber) of this URL.")
        }
        return nil
    }

    private func refused(_ status: Int, _ sentence: String) -> Answer {
        var answer = dated(.sentence(status, sentence))
        if status == 429 || status == 503 { answer.add("Retry-After", faults.retryAfter.map(String.init)) }
        return answer
    }

    private func dated(_ answer: Answer) -> Answer {
        var answer = answer
        switch faults.date {
        case .on: answer.add("Date", httpDate(moment.now))
        case .none: break
        case .skewed(let seconds): answer.add("Date", httpDate(moment.now + seconds))
        }
        return answer
    }

    // MARK: The file

    private func answer(_ representation: Representation, isGzip: Bool) -> Answer {
        // The honest coding has a tag of its own; the flipping one lies in exactly this.
        let coding = isGzip && faults.encoding == .gzip ? "gzip" : nil
        let validators = Validators(file, moment, labSeed: labSeed, coding: coding)
        if faults.evaluatesConditions, let status = validators.refusal(of: request) {
            var answer = dated(status == 304 ? Answer(status: 304) : .sentence(412, "The file is another one now."))
            if status == 304 { addCommonFields(to: &answer, validators) }
            return answer
        }
        var answer = dated(Answer(status: 200))
        addCommonFields(to: &answer, validators)
        answer.isFile = true
        answer.framing = faults.framing
        answer.lengthLie = faults.sizeLies
        if faults.isHTTP10 && answer.framing == .chunked { answer.framing = .untilClose }
        if isGzip { answer.add("Content-Encoding", "gzip") }
        let isUnsatisfiable = addBody(to: &answer, representation, validators)
        if isUnsatisfiable {
            var refusal = dated(.sentence(416, "No byte of this range is there."))
            refusal.add("Content-Range", "bytes */\(representation.length)")
            return refusal
        }
        addDigests(to: &answer, representation)
        return answer
    }

    private func addCommonFields(to answer: inout Answer, _ validators: Validators) {
        answer.add("ETag", validators.etag)
        answer.add("Last-Modified", validators.lastModified)
        answer.add("Cache-Control", faults.cacheControl)
        let vary = [faults.encoding == .gzip ? "Accept-Encoding" : nil, faults.vary].compactMap { $0 }
        answer.add("Vary", vary.isEmpty ? nil : vary.joined(separator: ", "))
        if faults.ranges != .off { answer.add("Accept-Ranges", "bytes") }
        if let name = faults.cookie { answer.add("Set-Cookie", "\(name)=\(moment.requestNumber)") }
        answer.fields += faults.furtherFields
    }

    /// Adds what is sent of the representation; true where nothing of it can be.
    private func addBody(to answer: inout Answer, _ representation: Representation, _ validators: Validators) -> Bool {
        let length = representation.length
        let asked = request.method == "GET" ? AskedRange(request["Range"], length: length) : .whole
        let ignoresRanges = faults.ranges == .off || faults.ranges == .lie
        if asked == .whole || ignoresRanges || !validators.allowsPart(request, faults.ifRange) {
            answer.add("Content-Type", faults.type)
            answer.parts = [.span(0..<length)]
            return false
        }
        guard case .spans(let spans) = asked, let first = spans.first, faults.ranges != .unsatisfiable else {
            return true
        }
        answer.status = 206
        if spans.count > 1 || faults.ranges == .multipart {
            let boundary = "lab" + String(mixed(UInt64(moment.requestNumber)), radix: 16)
            answer.add("Content-Type", "multipart/byteranges; boundary=\(boundary)")
            answer.parts = multipart(spans, length, boundary)
            return false
        }
        answer.add("Content-Type", faults.type)
        addPart(to: &answer, first, length)
        return false
    }

    private func addPart(to answer: inout Answer, _ span: Range<Int64>, _ length: Int64) {
        var named = span
        var total = "\(length)"
        var parts: [BodyPart] = [.span(span)]
        let count = span.upperBound - span.lowerBound
        let half = span.lowerBound..<span.upperBound - count / 2
        switch faults.ranges {
        case .half:
            // At least 64 KiB: who compares an overlap before the rest would never come to the end of halves.
            named = span.lowerBound..<max(half.upperBound, min(span.upperBound, span.lowerBound + 65_536))
            parts = [.span(named)]
        case .short: parts = [.span(half)]
        case .long: parts.append(.text([UInt8](repeating: UInt8(ascii: "x"), count: 1000)))
        case .shifted:
            let end = min(span.upperBound + 1, length)
            parts = [.span(min(span.lowerBound + 1, end)..<end)]
            if end == span.upperBound { parts.append(.text([UInt8(ascii: "x")])) }
        case .brokenStart:
            named = min(span.lowerBound + 1, span.upperBound - 1)..<span.upperBound
            parts = [.span(named)]
        case .brokenTotal: total = "\(length + 1)"
        case .unknownTotal: total = "*"
        case .on, .off, .lie, .multipart, .noContentRange, .unsatisfiable: break
        }
        if faults.ranges != .noContentRange {
            answer.add("Content-Range", "bytes \(named.lowerBound)-\(named.upperBound - 1)/\(total)")
        }
        answer.parts = parts
    }

    /// RFC 9110 §14.6.
    private func multipart(_ spans: [Range<Int64>], _ length: Int64, _ boundary: String) -> [BodyPart] {
        var parts: [BodyPart] = []
        for span in spans {
            let range = "bytes \(span.lowerBound)-\(span.upperBound - 1)/\(length)"
            let text = "\r\n--\(boundary)\r\nContent-Type: \(faults.type)\r\nContent-Range: \(range)\r\n\r\n"
            parts += [.text(Array(text.utf8)), .span(span)]
        }
        return parts + [.text(Array("\r\n--\(boundary)--\r\n".utf8))]
    }

    private func addDigests(to answer: inout Answer, _ representation: Representation) {
        if faults.digest == .none { return }
        func text(_ range: Range<Int64>? = nil, _ algorithm: HashAlgorithm = .sha256) -> String {
            var bytes = hash(representation, range, algorithm)
            if faults.digest == .wrong { bytes[0] ^= 0xFF }
            return Data(bytes).base64EncodedString()
        }
        // RFC 9530 §3: of the whole representation, also in a 206.
        if faults.digestFields.contains(.representation) { answer.add("Repr-Digest", "sha-256=:\(text()):") }
        // RFC 9530 §2: of this message's content; several parts have none here, and a HEAD has no content.
        if faults.digestFields.contains(.content), request.method == "GET", answer.parts.count == 1,
            case .span(let span) = answer.parts[0]
        {
            let range = span == 0..<representation.length ? nil : span
            answer.add("Content-Digest", "sha-256=:\(text(range)):")
        }
        if faults.digestFields.contains(.digest) { answer.add("Digest", "SHA-256=\(text())") }
        if faults.digestFields.contains(.md5), answer.status == 200 { answer.add("Content-MD5", text(nil, .md5)) }
    }
}
