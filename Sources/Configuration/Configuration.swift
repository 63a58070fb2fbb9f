// The checked value of proxy.conf: one stored property per directive, each with its default. A key is found here by its
// name: `cache.max_size` is `cache.maxSize`. Where a directive is a time, the property's name says the unit.
//
// It must not know files, clocks or the process's environment: text and dictionaries come in (Configuration+Loading).
// What a directive means to a person stands in Directives.swift and in proxy.conf, the defaults stand here, and a test
// holds the three together.

/// What an operator decided, checked and in the units that the program counts in.
package struct Configuration: Sendable, Equatable {
    /// Addresses on which clients are served (R60).
    package var listen = [ListenAddress(host: "127.0.0.1", port: 3128)]
    package var cache = Cache()
    package var memory = Memory()
    package var access = Access()
    package var resume = Resume()
    package var upstream = Upstream()
    package var downstream = Downstream()
    package var forward = Forward()
    package var freshness = Freshness()
    package var collapse = Collapse()
    package var tunnel = Tunnel()
    package var log = Log()
    package var stop = Stop()
    /// Names of presets, whose rules stand behind those of the file.
    package var presets: [Preset] = []
    /// All rules that hold: `[[rule]]` of the file, then those of the presets.
    package var rules = CacheRules()

    /// Every directive at its default.
    package init() {}

    /// `cache.*`: what is kept on disk.
    package struct Cache: Sendable, Equatable {
        /// Path of the cache directory; a relative one starts at the working directory.
        package var directory = "cache"
        /// Bytes of bodies and index that may be held.
        package var maxSize: Int64 = 10 << 30
        /// Bytes of the largest body that is stored.
        package var maxObjectSize: Int64 = 64 << 30
        /// Complete bodies of at most so many bytes are kept in the index.
        package var smallBody: Int64 = 16 << 10
        /// Bytes of the disk that stay free; nil: the larger of 1 GiB and 5 % (R57).
        package var minFree: Int64?

        package init() {}
    }

    /// `memory.*`: what is kept in memory.
    package struct Memory: Sendable, Equatable {
        /// Bytes of answers that are kept ready.
        package var hot: Int64 = 64 << 20

        package init() {}
    }

    /// `access.*`: who may use the proxy, and for what. The judgements are in Access+Judging.swift.
    package struct Access: Sendable, Equatable {
        /// Clients beyond this machine (R60).
        package var clients = Clients.unset
        /// Otherwise denied destinations that are open (R62).
        package var destinations: [DestinationRule] = []
        /// Ports that CONNECT may name (R61).
        package var connectPorts = PortSet([443...443])
        /// Ports that an http request may name (R61).
        package var httpPorts = PortSet([80...80, 443...443, 1024...65535])
        /// Clients on this machine may reach denied addresses: they could without the proxy (R62).
        package var loopbackReachesAll = true

        package init() {}
    }

    /// `resume.*`: what happens to unfinished bodies (resume-rules 4, 6 and 11).
    package struct Resume: Sendable, Equatable {
        package var onDisconnect = OnDisconnect.finish
        /// Finish only where at most so many bytes are missing; nil: no such condition.
        package var finishBelow: Int64?
        /// Finish only where at least this share is held; nil: no such condition.
        package var finishShare: Double?
        /// Finish only where the rest comes within so many seconds; nil: no such condition.
        package var finishETASeconds: Int64?
        /// Finish what cannot be resumed where at least this share is held.
        package var finishShareUnresumable = 0.5
        /// Bodies that finish at the same time without a reader.
        package var maxFinishing = 16
        /// Of these, from one origin.
        package var maxFinishingPerOrigin = 4
        /// What is told from its next version less surely is not finished.
        package var finishValidator = FinishValidator.none
        /// The hours in which is finished; nil: all.
        package var finishBetween: HoursOfDay?
        /// A fill without a reader stops after so many seconds; nil: no bound.
        package var finishMaxTimeSeconds: Int64?
        package var backgroundRate = BackgroundPace.unlimited
        /// Bytes of the largest body that is finished without a reader.
        package var finishMaxSize: Int64 = 64 << 30
        package var resumeGuard = ResumeGuardMode.full
        package var guardTimeSeconds: Int64 = 3600
        /// Bytes fetched again and compared where a download is resumed.
        package var overlapProbe: Int64 = 16 << 10
        /// What an origin has shown is kept, and used.
        package var originMemory = true
        /// The end of a body that ends with its connection is confirmed.
        package var confirmsEnd = true
        /// A response may begin before the origin has confirmed its version.
        package var isEager = false
        /// Bytes that one download may fetch again to be compared from byte 0, where its origin knows no ranges; 0: none.
        package var verifiedRestart: Int64 = 4 << 30
        /// Complete bodies are compared with the digests that are named for them (RFC 9530, RFC 3230).
        package var verifyDigests = true
        /// Held runs of at most so many bytes are read through.
        package var gapThreshold: Int64 = 16 << 10
        /// At most so many fills share one large body.
        package var parallel = 1
        /// Bytes that are fetched at most behind what a client asks for piece by piece.
        package var readAhead: Int64 = 0
        /// Time without progress after which a parked download is given up.
        package var giveUpAfterSeconds: Int64 = 86_400

        package init() {}
    }

    /// `upstream.*`: connections to origins (R43, R46, R47, R52, R55).
    package struct Upstream: Sendable, Equatable {
        package var connectTimeoutNanoseconds: Int64 = 10_000_000_000
        package var firstByteTimeoutNanoseconds: Int64 = 60_000_000_000
        /// Longest pause between two arrivals of body bytes.
        package var idleTimeoutNanoseconds: Int64 = 30_000_000_000
        package var keepAliveNanoseconds: Int64 = 30_000_000_000
        package var maxConnectionsPerOrigin = 16
        package var maxConnections = 1024
        /// How long a client's response waits for a broken body to go on, since the last gain.
        package var healTimeoutNanoseconds: Int64 = 300_000_000_000
        /// How long a resumable fill may receive nothing before another takes its place.
        package var stallTimeoutNanoseconds: Int64 = 5_000_000_000
        /// Bytes a second; nil: however slow.
        package var minRate: Int64?
        package var minRateTimeNanoseconds: Int64 = 30_000_000_000
        /// Longest sum of waits by Retry-After before anything was sent to the client.
        package var retryAfterWaitNanoseconds: Int64 = 30_000_000_000
        /// Bytes per second from one origin, and from all; nil: no limit.
        package var maxRatePerOrigin: Int64?
        package var maxRate: Int64?

        package init() {}
    }

    /// `downstream.*`: connections of clients (R1, R2, R40-R45, R50, R51).
    package struct Downstream: Sendable, Equatable {
        package var firstByteTimeoutNanoseconds: Int64 = 30_000_000_000
        package var headTimeoutNanoseconds: Int64 = 15_000_000_000
        package var keepAliveNanoseconds: Int64 = 60_000_000_000
        package var writeTimeoutNanoseconds: Int64 = 300_000_000_000
        package var bodyTimeoutNanoseconds: Int64 = 30_000_000_000
        /// nil: as many as the process's descriptors allow (R50).
        package var maxConnections: Int?
        package var maxConnectionsPerClient = 256
        /// Bytes.
        package var maxRequestLine: Int64 = 16 << 10
        /// Bytes.
        package var maxHead: Int64 = 64 << 10
        /// Bytes; nil: no limit, since request bodies are streamed.
        package var maxRequestBody: Int64?
        /// Bytes per second to one client address, and to all; nil: no limit.
        package var maxRatePerClient: Int64?
        package var maxRate: Int64?

        package init() {}
    }

    /// `forward.*`: what is added to and taken from requests.
    package struct Forward: Sendable, Equatable {
        /// First part of the pseudonym in Via (RFC 9110 §7.6.3); the executable appends a token of its own to it.
        package var viaName = "holdfast"
        package var xForwardedFor = ForwardedForMode.remove
        /// TRACE is forwarded and answered (RFC 9110 §9.3.8; R28).
        package var trace = false
        /// Cache-Status names the key (RFC 9211 §2.7).
        package var cacheStatusKey = false
        /// Errors of our own carry Proxy-Status (RFC 9209).
        package var proxyStatus = true

        package init() {}
    }

    /// `freshness.*`: how long stored responses are used unasked (RFC 9111 §4.2).
    package struct Freshness: Sendable, Equatable {
        package var maxHeuristicSeconds: Int64 = 86_400
        package var maxErrorTTLSeconds: Int64 = 60
        /// Share of the time since Last-Modified (RFC 9111 §4.2.2).
        package var defaultHeuristicShare = 0.1
        /// How long a stale response answers while its origin cannot be reached (RFC 9111 §4.2.4).
        package var staleOnDisconnectSeconds: Int64 = 86_400
        /// The names of targeted fields in lower case, in order of precedence (RFC 9213 §2.2).
        package var targets: [String] = []

        package init() {}
    }

    /// `collapse.*`: requests that wait for each other's answer.
    package struct Collapse: Sendable, Equatable {
        /// How long it is remembered that a URL's answers cannot be stored.
        package var passMemoryNanoseconds: Int64 = 120_000_000_000
        /// Longest wait for the head of a request that is already out.
        package var waitNanoseconds: Int64 = 5_000_000_000

        package init() {}
    }

    /// `tunnel.*`: CONNECT (R48).
    package struct Tunnel: Sendable, Equatable {
        package var idleTimeoutNanoseconds: Int64 = 600_000_000_000
        package var maxAgeNanoseconds: Int64 = 86_400_000_000_000

        package init() {}
    }

    /// `log.*`: the access log.
    package struct Log: Sendable, Equatable {
        package var access = AccessLog.standardOutput
        /// Whether query strings are written.
        package var query = true
        /// Bytes after which a log file is rotated.
        package var maxSize: Int64 = 100 << 20

        package init() {}
    }

    /// `stop.*`: the end.
    package struct Stop: Sendable, Equatable {
        package var graceNanoseconds: Int64 = 15_000_000_000

        package init() {}
    }
}
