// What the command line asks, and what it is told. The same values whether a running proxy answers over its socket or
// the command looks into the directory itself, so that both print the same; `--json` prints them as they are.
//
// Times are seconds since 1970 UTC, sizes and offsets bytes, ranges `[first, end)` as pairs of numbers.

package import Resume

/// One request, one line of JSON.
package enum ControlRequest: Codable, Sendable, Equatable {
    case status
    /// `pattern` as `URLPattern` reads it; nil: all. `limit` nil: without one.
    case list(pattern: String?, limit: Int?)
    case show(url: String)
    case purge(urls: [String])
    case purgeAll
    case fetch([FetchItem])
    /// nil: all.
    case downloads(ids: [Int64]?)
    case order([DownloadOrder])
    /// The bytes of a download that is done.
    case content(id: Int64)
    /// `path` is absolute, and opened by the proxy.
    case adopt(path: String, url: String)
    /// What an origin does with ranges: it is asked now.
    case examine(url: String)
    /// What is known of the origin already; nothing is asked.
    case recall(url: String)
    case verify(VerifyWish)
}

/// One line of the answer; `end` is the last one, `failed` too.
package enum ControlAnswer: Codable, Sendable {
    case status(StatusAnswer)
    case item(ListedItem)
    case shown(ShownAnswer)
    case purged(PurgeAnswer)
    case download(DownloadItem)
    case problem(DownloadProblem)
    case content(ContentPart)
    case adopting(done: Int64, of: Int64)
    case adopted(AdoptedAnswer)
    case examined(ExaminedAnswer)
    case verifying(VerifyProgress)
    case verified(VerifiedItem)
    case verification(VerifySummary)
    case failed(sentence: String)
    case end
}

/// What is held of a body.
package struct HeldPart: Codable, Sendable, Equatable {
    package var bytes: Int64
    /// Bytes; nil where it is not known.
    package var completeLength: Int64?
    package var ranges: [Range<Int64>]

    package init(_ held: ByteRangeSet, completeLength: Int64?) {
        bytes = held.byteCount
        self.completeLength = completeLength
        ranges = held.ranges
    }

    package var isComplete: Bool { completeLength.map { bytes >= $0 } ?? false }
}

// MARK: status

package struct StatusAnswer: Codable, Sendable {
    /// nil where no proxy runs.
    package var process: StatusProcess?
    package var directory: String
    package var responses: Int
    package var bytes: Int64
    package var maxBytes: Int64
    package var unfinished: Int
    package var damagedPieces: Int
    package var now: Int64
    package var fills: [StatusFill]
    /// Downloads that nobody works on now.
    package var waiting: [StatusDownload]
    /// What an origin is waited for, with a client or without.
    package var waits: [StatusWait]
    /// nil where no proxy runs.
    package var rates: StatusRates?

    package init(
        process: StatusProcess? = nil,
        directory: String,
        responses: Int,
        bytes: Int64,
        maxBytes: Int64,
        unfinished: Int,
        damagedPieces: Int,
        now: Int64,
        fills: [StatusFill],
        waiting: [StatusDownload],
        waits: [StatusWait] = []
    ) {
        self.process = process
        self.directory = directory
        self.responses = responses
        self.bytes = bytes
        self.maxBytes = maxBytes
        self.unfinished = unfinished
        self.damagedPieces = damagedPieces
        self.now = now
        self.fills = fills
        self.waiting = waiting
        self.waits = waits
    }
}

package struct StatusProcess: Codable, Sendable {
    package var id: Int32
    package var listening: [String]
    package var uptimeSeconds: Int64
    package var traffic: Traffic

    package init(
        id: Int32,
        listening: [String],
        uptimeSeconds: Int64,
        traffic: Traffic
    ) {
        self.id = id
        self.listening = listening
        self.uptimeSeconds = uptimeSeconds
        self.traffic = traffic
    }
}

/// Since the start of the process.
package struct Traffic: Codable, Sendable, Equatable {
    package var requests: Int64 = 0
    /// Answered without asking an origin.
    package var hits: Int64 = 0
    /// Answered with a status of 500 and above.
    package var failures: Int64 = 0
    package var bytesSent: Int64 = 0
    package var bytesFromCache: Int64 = 0
    package var bytesFromUpstream: Int64 = 0

    package init() {}
}

/// A version that is being filled.
package struct StatusFill: Codable, Sendable {
    package struct Claim: Codable, Sendable {
        /// `asking`, `receiving`, `waiting` …
        package var state: String
        package var offset: Int64
        /// nil where the end of the body is not known.
        package var end: Int64?
        package var bytesPerSecond: Int64

        package init(state: String, offset: Int64, end: Int64?, bytesPerSecond: Int64) {
            self.state = state
            self.offset = offset
            self.end = end
            self.bytesPerSecond = bytesPerSecond
        }
    }

    package var url: String
    package var version: Int64
    package var held: HeldPart
    package var claims: [Claim]
    package var readers: Int
    /// It goes on without a reader.
    package var isFinishing: Bool
    /// It waits for one of the places of `resume.max_finishing`.
    package var isQueued: Bool

    package init(
        url: String,
        version: Int64,
        held: HeldPart,
        claims: [Claim],
        readers: Int,
        isFinishing: Bool,
        isQueued: Bool
    ) {
        self.url = url
        self.version = version
        self.held = held
        self.claims = claims
        self.readers = readers
        self.isFinishing = isFinishing
        self.isQueued = isQueued
    }

    init(_ report: FillReport) {
        url = report.uri
        version = report.id
        held = HeldPart(ByteRangeSet(report.held), completeLength: report.completeLength)
        claims = report.fills.map {
            Claim(state: $0.state, offset: $0.offset, end: $0.end, bytesPerSecond: $0.bytesPerSecond)
        }
        readers = report.readers
        isFinishing = report.isFinishing
        isQueued = report.isQueued
    }
}

/// An unfinished download that is remembered and not worked on.
package struct StatusDownload: Codable, Sendable {
    package enum State: String, Codable, Sendable {
        /// A client's next request, or the next start, takes it up.
        case parked
        /// It was being filled, and is taken up again by itself when the proxy starts.
        case interrupted
        /// It is taken up again by itself when the hours of `finish_between` begin.
        case outsideHours
        /// Nothing came for `resume.give_up_after`: only a client's request takes it up.
        case givenUp
    }

    package var url: String
    package var version: Int64
    package var held: HeldPart
    /// What was asked for of it.
    package var wanted: [Range<Int64>]
    package var state: State
    package var since: Int64
    /// Why it is parked, where that is known: a sentence.
    package var reason: String?

    package init(
        url: String,
        version: Int64,
        held: HeldPart,
        wanted: [Range<Int64>],
        state: State,
        since: Int64,
        reason: String? = nil
    ) {
        self.url = url
        self.version = version
        self.held = held
        self.wanted = wanted
        self.state = state
        self.since = since
        self.reason = reason
    }
}

// MARK: ls and show

package struct ListedItem: Codable, Sendable {
    package var url: String
    package var version: Int64
    package var held: HeldPart
    package var freshness: FreshnessNote
    package var lastUse: Int64
    package var hits: Int64
    /// The digest that it was found to have, and who names it; nil where none was compared.
    package var digest: VerifiedDigest?

    package init(
        url: String,
        version: Int64,
        held: HeldPart,
        freshness: FreshnessNote,
        lastUse: Int64,
        hits: Int64,
        digest: VerifiedDigest? = nil
    ) {
        self.url = url
        self.version = version
        self.held = held
        self.freshness = freshness
        self.lastUse = lastUse
        self.hits = hits
        self.digest = digest
    }
}

/// How a stored response stands to a plain GET at one moment.
package struct FreshnessNote: Codable, Sendable, Equatable {
    /// Seconds that it stays fresh, from its making on.
    package var lifetime: Int64
    package var isHeuristic: Bool
    package var age: Int64
    /// `lifetime - age`: negative where it is stale.
    package var ttl: Int64
    /// The origin has to be asked before each use, whatever the ttl: `no-cache`, invalidated, `Vary: *`.
    package var mustValidate: Bool
    /// Whether, and why, or why not, it is reused for a plain GET.
    package var verdict: String

    package init(
        lifetime: Int64,
        isHeuristic: Bool,
        age: Int64,
        ttl: Int64,
        mustValidate: Bool,
        verdict: String
    ) {
        self.lifetime = lifetime
        self.isHeuristic = isHeuristic
        self.age = age
        self.ttl = ttl
        self.mustValidate = mustValidate
        self.verdict = verdict
    }
}

package struct FieldLine: Codable, Sendable, Equatable {
    package var name: String
    package var value: String

    package init(
        name: String,
        value: String
    ) {
        self.name = name
        self.value = value
    }
}

package struct ShownVersion: Codable, Sendable {
    package var version: Int64
    package var held: HeldPart
    /// Of the request that it answered, those that Vary names.
    package var requestFields: [FieldLine]
    package var status: Int
    package var fields: [FieldLine]
    package var requestTime: Int64
    package var responseTime: Int64
    package var originAddress: String
    /// As it goes into If-Range; nil where there is no strong one.
    package var validator: String?
    package var isResumable: Bool
    package var resumability: String
    package var freshness: FreshnessNote
    package var lastUse: Int64
    package var hits: Int64
    package var unfinished: StatusDownload?
    package var fill: StatusFill?
    /// The digest that it was found to have, and who names it; nil where none was compared.
    package var digest: VerifiedDigest?
    /// The digest that it will be compared with when it is complete, or is read next; nil where none is named.
    package var expectedDigest: VerifiedDigest?
}

/// A rule of proxy.conf, and why it holds.
package struct ShownRule: Codable, Sendable {
    /// `proxy.conf:12`, or `preset apt, rule 2`.
    package var origin: String
    /// Which patterns matched, and what the rule sets; one sentence each.
    package var sentences: [String]
}

package struct ShownAnswer: Codable, Sendable {
    package var url: String
    /// The key that a rule gives it; nil where the URL is its own.
    package var key: String?
    package var now: Int64
    /// The rule of proxy.conf that holds for it; nil where none does.
    package var rule: ShownRule?
    /// Newest first.
    package var versions: [ShownVersion]
    /// What was dropped because it had another digest than was named; nil where nothing was.
    package var digestFailure: String?
}

// MARK: purge

package struct PurgeAnswer: Codable, Sendable {
    package struct Item: Codable, Sendable {
        package var url: String
        /// How many stored responses were removed.
        package var removed: Int
        /// Why the URL could not be looked for.
        package var problem: String?

        package init(url: String, removed: Int, problem: String? = nil) {
            self.url = url
            self.removed = removed
            self.problem = problem
        }
    }

    /// By URL; empty where everything was purged.
    package var items: [Item]
    package var removed: Int

    package init(
        items: [Item],
        removed: Int
    ) {
        self.items = items
        self.removed = removed
    }
}
