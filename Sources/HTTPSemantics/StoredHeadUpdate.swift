// What of a head is stored, and what a later 304 or 206 changes in it (RFC 9111 §3.1 and §3.2,
// resume-rules 2); and which stored response a 304 speaks of (§4.3.4, R73). What the stored bytes depend
// on never changes: it came with the bytes.

/// RFC 9111 §3.1 and §3.2.
package enum StoredHeadUpdate {
    /// The fields that are stored (RFC 9111 §3.1): without those of the connection, those about a proxy, Content-Range,
    /// and those that a qualified `no-cache` or `private` keeps from being reused. Content-Length stays: that of a
    /// 206 is the length of the part, and whoever stores the part as a beginning of the whole sets it anew.
    package static func storable(_ fields: FieldSection, policy: CachePolicy = .standard) -> FieldSection {
        let connection = ConnectionFields(fields)
        let control = CacheControl.response(fields, policy: policy)
        let withheld = control.noCacheFields + control.privateFields
        var stored = fields
        stored.removeAll { field in
            if field.known == .contentRange || connection.contains(field) { return true }
            return withheld.contains { field.isNamed(lowercase: $0) }
        }
        return stored
    }

    /// Of a 304, the fields that are for the client alone whose request it answers: Set-Cookie, and those that a qualified
    /// `no-cache` or `private` names. They came with a successful validation (RFC 9111 §5.2.2.4), and are not kept.
    package static func ofOneRequest(_ newer: FieldSection, policy: CachePolicy = .standard) -> FieldSection {
        let control = CacheControl.response(newer, policy: policy)
        let withheld = control.noCacheFields + control.privateFields
        let connection = ConnectionFields(newer)
        var fields = newer
        fields.removeAll { field in
            if connection.contains(field) || field.known == .contentRange { return true }
            if field.known == .setCookie { return false }
            return isFixed(field.known) || !withheld.contains { field.isNamed(lowercase: $0) }
        }
        return fields
    }

    /// The stored fields as a newer response (304 or 206) about the same representation leaves them.
    ///
    /// Each field of the newer one takes the place of all stored lines of its name, but for those that the stored
    /// bytes depend on. Set-Cookie is not taken over: it was meant for the client whose request it answered.
    package static func apply(
        _ newer: FieldSection,
        to stored: FieldSection,
        policy: CachePolicy = .standard
    ) -> FieldSection {
        let newer = storable(newer, policy: policy)
        var replacements: [String: [FieldSection.Field]] = [:]
        var names: [String] = []
        newer.forEach { field in
            guard !isFixed(field.known) else { return }
            let name = FieldGrammar.lowercase(field.name)
            if replacements[name] == nil { names.append(name) }
            replacements[name, default: []].append(field)
        }
        var updated = FieldSection()
        updated.reserve(bytes: stored.lineBytes + newer.lineBytes, fields: stored.count + newer.count)
        var placed: Set<String> = []
        stored.forEach { field in
            // RFC 9111 §4.2.3: the age of the older response is none of the newer one's.
            if field.known == .age, replacements["age"] == nil { return }
            let name = FieldGrammar.lowercase(field.name)
            guard let lines = replacements[name] else {
                updated.append(field)
                return
            }
            if placed.insert(name).inserted {
                for line in lines { updated.append(line) }
            }
        }
        for name in names where !placed.contains(name) {
            for line in replacements[name] ?? [] { updated.append(line) }
        }
        mergeVary(newer, stored, into: &updated)
        return storable(updated, policy: policy)
    }

    /// Whether the newer response nominates request fields that the stored one does not: then those of the request
    /// that was validated have to be stored anew, with `Vary.select` for the updated fields.
    package static func nominatesMore(_ newer: FieldSection, than stored: FieldSection) -> Bool {
        guard let old = Vary.nominated(stored) else { return false }
        guard let new = Vary.nominated(newer) else { return true }
        return !Set(new).isSubset(of: old)
    }

    /// The request fields to store with a response that a newer one has updated: those that the updated fields nominate
    /// in the request that was validated. nil where nothing can be told by them (`Vary: *`, R11).
    package static func requestFields(merging newer: FieldSection, stored: FieldSection, request: FieldSection)
        -> FieldSection?
    {
        Vary.nominated(apply(newer, to: stored)).map { Vary.select($0, from: request) }
    }

    /// A newer Vary adds names and takes none away: the variants that are stored were told apart by the old ones.
    private static func mergeVary(_ newer: FieldSection, _ stored: FieldSection, into updated: inout FieldSection) {
        guard newer.contains(.vary) else { return }
        guard let old = Vary.nominated(stored), let new = Vary.nominated(newer) else {
            updated.set(.vary, "*")
            return
        }
        let all = Set(old).union(new).sorted()
        if all != new { updated.set(.vary, all.joined(separator: ", ")) }
    }

    /// RFC 9111 §3.2 excepts Content-Length and what the cache has processed; resume-rules 2 all that the stored bytes
    /// depend on.
    private static func isFixed(_ field: KnownField) -> Bool {
        switch field {
        case .contentLength, .contentRange, .contentEncoding, .contentType, .etag, .lastModified, .setCookie: true
        // RFC 9530 §2: of the content of that message, which was none, or a part.
        case .contentDigest, .contentMD5: true
        default: false
        }
    }
}

/// RFC 9111 §4.3.4, R73.
package enum FreshenSelection {
    /// The indexes of all stored responses that a 304 updates; the one to answer with is the first. Empty where it
    /// speaks of none of them.
    ///
    /// - Parameter candidates: the fields of the responses that the request asked about, the most preferred first.
    package static func select(notModified: FieldSection, candidates: [FieldSection]) -> [Int] {
        let meant = candidates.indices.filter {
            selects(notModified: notModified, candidate: candidates[$0], isOnlyCandidate: candidates.count == 1)
        }
        // §4.3.4: under a strong validator all of them are the same representation.
        if let tag = notModified.only(.etag).flatMap(EntityTag.parse), !tag.isWeak { return meant }
        // A weak one may fit several: the most recent is meant.
        return mostRecent(meant, of: candidates).map { [$0] } ?? []
    }

    private static func mostRecent(_ indexes: [Int], of candidates: [FieldSection]) -> Int? {
        var best: (index: Int, date: Int64)?
        for index in indexes {
            let date = candidates[index].only(.date).flatMap { HTTPDate.parse($0) } ?? .min
            if best.map({ date > $0.date }) ?? true { best = (index, date) }
        }
        return best?.index
    }

    /// Whether a 304 speaks of this stored response. With weak validators it may fit several: the newest is meant.
    ///
    /// A 304 without any validator speaks of the only response that its request asked about, unless that one has an
    /// entity tag, which a 304 has to repeat (RFC 9110 §15.4.5); Last-Modified it need not repeat.
    package static func selects(
        notModified: FieldSection,
        candidate: FieldSection,
        isOnlyCandidate: Bool
    ) -> Bool {
        if notModified.contains(.etag) {
            guard let theirs = notModified.only(.etag).flatMap(EntityTag.parse),
                let ours = candidate.only(.etag).flatMap(EntityTag.parse)
            else { return false }
            return theirs.isWeak ? theirs.weaklyEquals(ours) : theirs.stronglyEquals(ours)
        }
        if notModified.contains(.lastModified) {
            guard let theirs = notModified.only(.lastModified), let ours = candidate.only(.lastModified) else {
                return false
            }
            return HTTPDate.parse(theirs) != nil && theirs.utf8.elementsEqual(ours.utf8)
        }
        return isOnlyCandidate && !candidate.contains(.etag)
    }
}
