// The resume guard (resume-rules 11). curl, wget and aria2 resume with a bare `Range: bytes=K-`, without
// If-Range: after a change at the origin they would join new bytes to old ones. Whoever was given bytes of
// another version a short time ago therefore gets the whole of the current one. Pure: the records are kept
// by the store, the clock is an argument.

/// What one client was given of one version of a response.
package struct GuardRecord: Sendable, Equatable {
    /// The client's address, without its port: a resume comes from a new one.
    package var client: String
    /// The generation number of the stored response.
    package var version: Int64
    /// Exclusive end of the highest byte that was delivered.
    package var highestByte: Int64
    /// When the delivery ended, or, of one still open, began: seconds since 1970 UTC.
    package var at: Int64
    /// The delivery is under way, or a crash ended it: how far it came is not known.
    package var isOpen: Bool

    package init(client: String, version: Int64, highestByte: Int64, at: Int64, isOpen: Bool) {
        self.client = client
        self.version = version
        self.highestByte = highestByte
        self.at = at
        self.isOpen = isOpen
    }
}

package enum GuardVerdict: Equatable, Sendable {
    /// Serve the range.
    case serve
    /// Ignore the range: a full 200 of the current version, never its 206.
    case fullOfNewVersion
    /// `resume_guard = "retained"`: the range of the version that the client was given before.
    case rangeOfRetained(version: Int64)
}

/// A superseded version that is kept for its readers and its guard time, and how far it may still answer.
package struct RetainedVersion: Sendable, Equatable {
    /// The generation number of the stored response.
    package var version: Int64
    /// It holds every byte from the start of the range on.
    package var holdsRange: Bool
    /// An unsafe method succeeded on its URI since (RFC 9111 §4.4).
    package var isInvalidated: Bool
    /// `no-cache`, `must-revalidate` or `proxy-revalidate` (RFC 9111 §5.2.2): it is never used without asking.
    package var mustRevalidate: Bool

    package init(version: Int64, holdsRange: Bool, isInvalidated: Bool, mustRevalidate: Bool) {
        self.version = version
        self.holdsRange = holdsRange
        self.isInvalidated = isInvalidated
        self.mustRevalidate = mustRevalidate
    }

    var mayAnswer: Bool { holdsRange && !isInvalidated && !mustRevalidate }
}

package enum ResumeGuard {
    /// The guard time where no directive says otherwise: 1 h.
    package static let defaultSeconds: Int64 = 3600

    /// Whether a range of the current version may be given to this client.
    ///
    /// - Parameters:
    ///   - rangeStart: K of `bytes=K-`.
    ///   - hasIfRange: the client names the version that it holds, so there is nothing to guess.
    ///   - records: the records of this key, of this client only or, with `client` given, of any.
    ///   - now: seconds since 1970 UTC.
    ///   - client: only records of this client count; nil: all do.
    ///   - retained: versions that may answer instead; empty unless `resume_guard = "retained"`.
    package static func verdict(
        rangeStart: Int64,
        hasIfRange: Bool,
        currentVersion: Int64,
        records: [GuardRecord],
        now: Int64,
        guardSeconds: Int64,
        client: String? = nil,
        retained: [RetainedVersion] = []
    ) -> GuardVerdict {
        // From byte 0 on nothing can be joined to anything older.
        guard rangeStart > 0, !hasIfRange else { return .serve }
        let foreign = records.filter { record in
            if let client, record.client != client { return false }
            // "Another" rather than "older": when a failed refill leaves the older version current
            // (invariant 12), bytes of the newer one are just as foreign to it.
            guard record.version != currentVersion else { return false }
            // A record that a crash left open counts as the complete length, and since nobody knows when
            // that delivery ended, its age counts for nothing here: the store lets it go.
            if record.isOpen { return true }
            return record.highestByte >= rangeStart && isWithin(guardSeconds, from: record.at, to: now)
        }
        guard let one = foreign.first else { return .serve }
        // Only where all that the client may hold is of one version is that version what it continues.
        guard foreign.allSatisfy({ $0.version == one.version }),
            !isAlsoOfCurrent(records, currentVersion: currentVersion, client: client),
            retained.contains(where: { $0.version == one.version && $0.mayAnswer })
        else { return .fullOfNewVersion }
        return .rangeOfRetained(version: one.version)
    }

    private static func isAlsoOfCurrent(_ records: [GuardRecord], currentVersion: Int64, client: String?) -> Bool {
        records.contains { $0.version == currentVersion && (client == nil || $0.client == client) }
    }

    /// A record from the future (the clock was set back) is within.
    private static func isWithin(_ seconds: Int64, from instant: Int64, to now: Int64) -> Bool {
        let (age, overflow) = now.subtractingReportingOverflow(instant)
        return overflow ? now < instant : age <= seconds
    }
}
