// What `verify` asks, and what it is told. Beside ControlMessages.swift; the same units.

import HTTPSemantics
import Store

/// What is to be verified.
package struct VerifyWish: Codable, Sendable, Equatable {
    /// Empty: all that is held.
    package var urls: [String]
    /// Bytes a second that are read from the disk; nil: as fast as it goes.
    package var bytesPerSecond: Int64?
    /// What is dropped is fetched again at once.
    package var refetches: Bool
    /// A file of digests beside each URL is asked for and believed.
    package var usesSidecar: Bool

    package init(urls: [String], bytesPerSecond: Int64?, refetches: Bool, usesSidecar: Bool) {
        self.urls = urls
        self.bytesPerSecond = bytesPerSecond
        self.refetches = refetches
        self.usesSidecar = usesSidecar
    }
}

/// A digest, `sha-256:9f86…`, and who names it.
package struct VerifiedDigest: Codable, Sendable, Equatable {
    package var value: String
    package var namedBy: String

    package init(value: String, namedBy: String) {
        self.value = value
        self.namedBy = namedBy
    }

    init?(_ finding: DigestFinding) {
        guard case .matches(let value, let source) = finding else { return nil }
        self.init(value: value, namedBy: source)
    }

    init(_ expected: ExpectedDigest) {
        self.init(value: expected.value.description, namedBy: expected.source.name)
    }
}

/// How far it has come.
package struct VerifyProgress: Codable, Sendable, Equatable {
    package var url: String
    package var examined: Int64
    package var total: Int64
    package var seconds: Double

    package init(url: String, examined: Int64, total: Int64, seconds: Double) {
        self.url = url
        self.examined = examined
        self.total = total
        self.seconds = seconds
    }
}

/// What was found out about one stored response.
package struct VerifiedItem: Codable, Sendable, Equatable {
    package enum Digest: String, Codable, Sendable {
        /// Nobody has named one.
        case none
        /// One is named, and what is held is not complete.
        case incomplete
        case matches
        /// It was removed from the cache.
        case differs
    }

    package var url: String
    package var version: Int64
    /// Bytes that were read and compared with their checksums.
    package var examined: Int64
    /// What was not what had been written, and is held no longer.
    package var damaged: [Range<Int64>]
    /// It is being fetched again, or noted as unfinished for the next start.
    package var isRefetched: Bool
    package var digest: Digest
    /// `sha-256:9f86…`, and who names it.
    package var expected: String?
    package var namedBy: String?
    package var found: String?
    /// What else is to be known, such as why something could not be read.
    package var remark: String?

    package init(
        url: String,
        version: Int64,
        examined: Int64 = 0,
        damaged: [Range<Int64>] = [],
        isRefetched: Bool = false,
        digest: Digest = .none,
        expected: String? = nil,
        namedBy: String? = nil,
        found: String? = nil,
        remark: String? = nil
    ) {
        self.url = url
        self.version = version
        self.examined = examined
        self.damaged = damaged
        self.isRefetched = isRefetched
        self.digest = digest
        self.expected = expected
        self.namedBy = namedBy
        self.found = found
        self.remark = remark
    }

    package var damagedBytes: Int64 { damaged.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } }
    /// Nothing is wrong with it, as far as could be seen.
    package var isSound: Bool { damaged.isEmpty && digest != .differs && remark == nil }

    mutating func note(_ expected: ExpectedDigest) {
        self.expected = expected.value.description
        namedBy = expected.source.name
    }
}

/// All of it together.
package struct VerifySummary: Codable, Sendable, Equatable {
    package var responses = 0
    package var examined: Int64 = 0
    package var damagedResponses = 0
    package var damagedBytes: Int64 = 0
    package var matchingDigests = 0
    package var otherDigests = 0
    /// Responses of which something could not be found out.
    package var unclear = 0
    package var seconds: Double = 0

    package init() {}

    mutating func count(_ item: VerifiedItem) {
        responses += 1
        examined += item.examined
        if !item.damaged.isEmpty { damagedResponses += 1 }
        damagedBytes += item.damagedBytes
        if item.digest == .matches { matchingDigests += 1 }
        if item.digest == .differs { otherDigests += 1 }
        if item.remark != nil { unclear += 1 }
    }
}
