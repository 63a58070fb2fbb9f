// Reads the query of a URL as faults. What is not understood is an error with a sentence: a fault that is silently
// ignored would make a test pass for the wrong reason.

/// Why a URL cannot be served, for people.
package struct FaultError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

extension Faults {
    /// - Parameter query: what stands behind `?`, still percent-encoded; empty for no fault.
    package init(query: some StringProtocol) throws(FaultError) {
        self.init()
        for piece in query.split(separator: "&") {
            let halves = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(halves[0])
            let raw = halves.count > 1 ? percentDecoded(halves[1]) : ""
            guard let value = raw, !value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw FaultError(description: "\(name) has a value that cannot be read: \(piece)")
            }
            guard let description = FaultCatalogue.entry(named: name) else {
                throw FaultError(description: "There is no fault named \(name). The page / lists all of them.")
            }
            guard set(name, value) else {
                throw FaultError(description: "\(name)=\(value) is not understood; \(name) is \(description.form)")
            }
        }
        if sizeLies != 0 && framing != .length {
            throw FaultError(description: "size-lies needs a Content-Length, which length=no and close=yes leave out")
        }
    }

    private mutating func set(_ name: String, _ value: String) -> Bool {
        setConnection(name, value) || setStatus(name, value) || setRanges(name, value) || setContent(name, value)
            || setHead(name, value)
    }

    private mutating func setConnection(_ name: String, _ value: String) -> Bool {
        switch name {
        case "drop": return store(ByteSpan(value), in: &drop)
        case "reset": return store(ByteSpan(value), in: &reset)
        case "truncate":
            framing = .untilClose
            return store(ByteSpan(value), in: &truncate)
        case "stall": return store(FaultValue.stall(value), in: &stall)
        case "times": return store(FaultValue.count(value), in: &times)
        case "rate": return store(ByteSpan(value).flatMap { $0.low > 0 ? $0 : nil }, in: &rate)
        case "piece": return store(ByteSpan(value).flatMap { $0.low > 0 ? $0 : nil }, in: &piece)
        case "head-delay": return store(Quantity.seconds(value), in: &headDelay)
        case "down": return store(FaultValue.downtime(value), in: &down)
        case "keep-alive": return store(FaultValue.yes(value), in: &keepsAlive)
        case "http": return store(["1.0": true, "1.1": false][value], in: &isHTTP10)
        default: return false
        }
    }

    private mutating func setStatus(_ name: String, _ value: String) -> Bool {
        switch name {
        case "when": return store(Occasion(rawValue: value), in: &when)
        case "status": return store(FaultValue.statusCode(value), in: &status)
        case "every": return store(FaultValue.countedStatus(value), in: &every)
        case "first": return store(FaultValue.countedStatus(value), in: &first)
        case "retry-after": return store(FaultValue.count(value), in: &retryAfter)
        case "parallel": return store(FaultValue.count(value), in: &parallel)
        case "limit-per-client": return store(FaultValue.count(value), in: &limitPerClient)
        case "auth": return store(value.contains(":") ? value : nil, in: &auth)
        case "cookie": return store(FaultValue.isToken(value) ? value : nil, in: &cookie)
        case "needs-cookie": return store(FaultValue.isToken(value) ? value : nil, in: &neededCookie)
        case "redirect": return store(FaultValue.redirect(value), in: &redirect)
        default: return false
        }
    }

    private mutating func setRanges(_ name: String, _ value: String) -> Bool {
        switch name {
        case "ranges": return store(RangeConduct(rawValue: value), in: &ranges)
        case "if-range": return store(IfRangeConduct(rawValue: value), in: &ifRange)
        case "conditions": return store(["on": true, "ignore": false][value], in: &evaluatesConditions)
        case "etag": return store(FaultValue.tagConduct(value), in: &etag)
        case "lm": return store(FaultValue.lastModifiedConduct(value), in: &lastModified)
        case "date": return store(FaultValue.dateConduct(value), in: &date)
        default: return false
        }
    }

    private mutating func setContent(_ name: String, _ value: String) -> Bool {
        switch name {
        case "version": return store(FaultValue.version(value), in: &version)
        case "change": return store(FaultValue.change(value), in: &change)
        case "change-tag": return store(ChangeTag(rawValue: value), in: &changeTag)
        case "grow": return store(Quantity.bytes(value), in: &grow)
        case "corrupt": return store(ByteSpan(value), in: &corrupt)
        case "encoding": return store(EncodingConduct(rawValue: value), in: &encoding)
        default: return false
        }
    }

    private mutating func setHead(_ name: String, _ value: String) -> Bool {
        switch name {
        case "length":
            if value == "no" { framing = .chunked }
            return FaultValue.yes(value) != nil
        case "close":
            if value == "yes" { framing = .untilClose }
            return FaultValue.yes(value) != nil
        case "size-lies": return store(FaultValue.signed(value), in: &sizeLies)
        // An empty value means that there is none.
        case "cc": cacheControl = value.isEmpty ? nil : value
        case "vary": vary = value.isEmpty ? nil : value
        case "type": return store(value.isEmpty ? nil : value, in: &type)
        case "digest": return setDigest(value)
        case "field":
            guard let field = FaultValue.field(value) else { return false }
            furtherFields.append(field)
        default: return false
        }
        return true
    }

    /// `ok`, or `wrong:repr,md5` for some of the fields.
    private mutating func setDigest(_ value: String) -> Bool {
        let (word, list) = FaultValue.pair(value, ":") ?? (value, "")
        guard let conduct = DigestConduct(rawValue: word) else { return false }
        digest = conduct
        if list.isEmpty { return true }
        let fields = list.split(separator: ",").map { DigestField(rawValue: String($0)) }
        digestFields = Set(fields.compactMap { $0 })
        return !fields.contains(nil)
    }
}

/// Stores a value that was understood; false where there is none.
private func store<Value>(_ value: Value?, in place: inout Value) -> Bool {
    guard let value else { return false }
    place = value
    return true
}

private func store<Value>(_ value: Value?, in place: inout Value?) -> Bool {
    guard let value else { return false }
    place = value
    return true
}

/// Resolves `%41`; a plus stays a plus. nil where the encoding is broken, or the bytes are no UTF-8.
package func percentDecoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8
    while let byte = rest.popFirst() {
        if byte != UInt8(ascii: "%") {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst(), let low = rest.popFirst(),
            let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
        else { return nil }
        bytes.append(value)
    }
    return String(validating: bytes, as: UTF8.self)
}
