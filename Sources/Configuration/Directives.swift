// The one list of all directives. To add one: a property with its default in Configuration.swift, an entry here,
// and its lines in proxy.conf; the tests say what is missing.

extension Directive {
    /// In the order of proxy.conf.
    package static let all: [Directive] =
        server + cache + access + resume + finishing + upstream + upstreamRates + downstream + downstreamRates
        + messages + tunnel + running

    private static let millisecond: Int64 = 1_000_000
    private static let second: Int64 = 1_000_000_000

    private static let server: [Directive] = [
        .addresses(
            "listen",
            \.listen,
            default: #"["127.0.0.1:3128"]"#,
            "Addresses and ports on which clients are served; port 0 takes a free one, which the start-up line names. "
                + "An address that other machines can reach needs access.clients."
        ),
        .presets(
            "presets",
            \.presets,
            default: "[]",
            "Sets of rules that come with Holdfast and hold behind those of this file; \"holdfast check --preset apt\" "
                + "prints one. There are: \(Preset.allCases.map(\.rawValue).joined(separator: ", "))."
        ),
    ]

    private static let cache: [Directive] = [
        .path(
            "cache.directory",
            \.cache.directory,
            default: "cache",
            "Directory of the index and the bodies; a relative path starts at the working directory."
        ),
        .size(
            "cache.max_size",
            \.cache.maxSize,
            in: (1 << 20)...(1 << 60),
            default: "10 GiB",
            "How much the cache may hold; what was used longest ago goes first, and nothing that is being filled goes."
        ),
        .size(
            "cache.max_object_size",
            \.cache.maxObjectSize,
            in: 1...(1 << 60),
            default: "64 GiB",
            "A larger response is passed on without being stored; 90 % of cache.max_size is the limit in any case."
        ),
        .size(
            "cache.small_body",
            \.cache.smallBody,
            in: 0...(1 << 20),
            default: "16 KiB",
            "A complete body of at most this size is kept in the index, a larger one in a file of its own."
        ),
        .optionalSize(
            "cache.min_free",
            \.cache.minFree,
            "How much of the disk stays free for others; unset: the larger of 1 GiB and 5 % of the disk."
        ),
        .size(
            "memory.hot",
            \.memory.hot,
            in: 0...(1 << 40),
            default: "64 MiB",
            "How much memory may hold answers that are ready to be sent again."
        ),
    ]

    private static let access: [Directive] = [
        .clients(
            "access.clients",
            \.access.clients,
            "Which other machines are served: a list of networks, or \"private\" for all private and link-local ones; "
                + "unset: none. This machine always is."
        ),
        .destinations(
            "access.destinations",
            \.access.destinations,
            default: "[]",
            "Private destinations that other machines may reach through the proxy: networks, names with all names "
                + "under them, or a host with its port, which is the only form that opens a loopback or "
                + "link-local address."
        ),
        .ports(
            "access.connect_ports",
            \.access.connectPorts,
            default: "[443]",
            "Ports to which CONNECT opens a tunnel, as numbers or ranges such as \"1024-65535\"."
        ),
        .ports(
            "access.http_ports",
            \.access.httpPorts,
            default: #"[80, 443, "1024-65535"]"#,
            "Ports that an http URL may name; those that browsers refuse (6000, 6667 and so on) are open only where "
                + "they stand here as a number."
        ),
        .flag(
            "access.loopback_reaches_all",
            \.access.loopbackReachesAll,
            default: "true",
            "Whether clients on this machine may reach every address, as they could without the proxy; false puts them "
                + "under access.destinations like all others."
        ),
    ]

    private static let upstream: [Directive] = [
        .duration(
            "upstream.connect_timeout",
            nanoseconds: \.upstream.connectTimeoutNanoseconds,
            atLeast: millisecond,
            default: "10s",
            "How long all attempts to connect to an origin may take together."
        ),
        .duration(
            "upstream.first_byte_timeout",
            nanoseconds: \.upstream.firstByteTimeoutNanoseconds,
            atLeast: millisecond,
            default: "60s",
            "How long an origin may take from the end of the request to the head of its response."
        ),
        .duration(
            "upstream.idle_timeout",
            nanoseconds: \.upstream.idleTimeoutNanoseconds,
            atLeast: millisecond,
            default: "30s",
            "How long an origin may pause between two pieces of a body."
        ),
        .duration(
            "upstream.keep_alive",
            nanoseconds: \.upstream.keepAliveNanoseconds,
            default: "30s",
            "How long an idle connection to an origin is kept for the next request."
        ),
        .count(
            "upstream.max_connections_per_origin",
            \.upstream.maxConnectionsPerOrigin,
            in: 1...10_000,
            default: "16",
            "Connections to one origin at the same time; further requests wait."
        ),
        .count(
            "upstream.max_connections",
            \.upstream.maxConnections,
            in: 1...1_000_000,
            default: "1024",
            "Connections to all origins together; further requests wait."
        ),
        .duration(
            "upstream.heal_timeout",
            nanoseconds: \.upstream.healTimeoutNanoseconds,
            default: "5m",
            "How long a client's response waits, since the last byte gained, while a broken body is asked for again."
        ),
        .duration(
            "upstream.stall_timeout",
            nanoseconds: \.upstream.stallTimeoutNanoseconds,
            atLeast: millisecond,
            default: "5s",
            "A resumable download that receives nothing for this long is taken over by a new connection."
        ),
        .optionalSize(
            "upstream.min_rate",
            \.upstream.minRate,
            "A resumable download that receives less than this a second, over min_rate_time, is taken over by a new "
                + "connection, to another address of the name where there is one; unset: never."
        ),
        .duration(
            "upstream.min_rate_time",
            nanoseconds: \.upstream.minRateTimeNanoseconds,
            atLeast: millisecond,
            default: "30s",
            "How long a download has to be slower than min_rate."
        ),
        .duration(
            "upstream.retry_after_wait",
            nanoseconds: \.upstream.retryAfterWaitNanoseconds,
            default: "30s",
            "How long a GET or HEAD waits in all, where the origin answers 429 or 503 with Retry-After, before its client "
                + "is told; a longer Retry-After is passed on at once, and so is every one with 0."
        ),
    ]

    private static let downstream: [Directive] = [
        .duration(
            "downstream.first_byte_timeout",
            nanoseconds: \.downstream.firstByteTimeoutNanoseconds,
            atLeast: millisecond,
            default: "30s",
            "How long a new connection may stay silent before its first request."
        ),
        .duration(
            "downstream.head_timeout",
            nanoseconds: \.downstream.headTimeoutNanoseconds,
            atLeast: millisecond,
            default: "15s",
            "How long the head of a request may take from its first byte to its last."
        ),
        .duration(
            "downstream.keep_alive",
            nanoseconds: \.downstream.keepAliveNanoseconds,
            default: "60s",
            "How long a client's connection may be idle between two requests."
        ),
        .duration(
            "downstream.write_timeout",
            nanoseconds: \.downstream.writeTimeoutNanoseconds,
            atLeast: millisecond,
            default: "5m",
            "How long a client may take no byte of a response that is waiting for it."
        ),
        .duration(
            "downstream.body_timeout",
            nanoseconds: \.downstream.bodyTimeoutNanoseconds,
            atLeast: millisecond,
            default: "30s",
            "How long a client may pause between two pieces of a request's body."
        ),
        .optionalCount(
            "downstream.max_connections",
            \.downstream.maxConnections,
            in: 1...1_000_000,
            "Connections of all clients together; unset: as many as the process's file descriptors allow, "
                + "at most 16384."
        ),
        .count(
            "downstream.max_connections_per_client",
            \.downstream.maxConnectionsPerClient,
            in: 1...1_000_000,
            default: "256",
            "Connections of one client address (of one /64 for IPv6); this machine is exempt."
        ),
        .size(
            "downstream.max_request_line",
            \.downstream.maxRequestLine,
            in: 256...(1 << 20),
            default: "16 KiB",
            "A request whose first line, the URL in it, is longer is answered with 414."
        ),
        .size(
            "downstream.max_head",
            \.downstream.maxHead,
            in: 1024...(1 << 20),
            default: "64 KiB",
            "A request whose head is larger is answered with 431."
        ),
        .optionalSize(
            "downstream.max_request_body",
            \.downstream.maxRequestBody,
            "A request with a larger body is answered with 413; unset: no limit, since bodies are streamed."
        ),
    ]

    private static let messages: [Directive] = [
        .name(
            "forward.via_name",
            \.forward.viaName,
            default: "holdfast",
            "Name of this proxy in Via; a random token of the process follows it there, by which a loop is told from "
                + "another proxy of the same name."
        ),
        .word(
            "forward.x_forwarded_for",
            \.forward.xForwardedFor,
            default: "remove",
            "What happens to a client's X-Forwarded-For on the way to the origin: \"remove\" or \"keep\"; "
                + "none is added."
        ),
        .flag(
            "forward.trace",
            \.forward.trace,
            default: "false",
            "Whether TRACE is forwarded, and answered here where it may go no further."
        ),
        .flag(
            "forward.cache_status_key",
            \.forward.cacheStatusKey,
            default: "false",
            "Whether Cache-Status names the key that a response is stored under."
        ),
        .flag(
            "forward.proxy_status",
            \.forward.proxyStatus,
            default: "true",
            "Whether an error of the proxy's own says in Proxy-Status which one it is."
        ),
        .duration(
            "freshness.max_heuristic",
            seconds: \.freshness.maxHeuristicSeconds,
            default: "24h",
            "How long a response that names no lifetime is used unasked at most."
        ),
        .duration(
            "freshness.max_error_ttl",
            seconds: \.freshness.maxErrorTTLSeconds,
            default: "60s",
            "How long an error response is used unasked at most, whatever lifetime it names."
        ),
        .share(
            "freshness.default_heuristic_share",
            \.freshness.defaultHeuristicShare,
            default: "0.1",
            "Lifetime of a response that names none, as a share of the time since its Last-Modified."
        ),
        .duration(
            "freshness.stale_on_disconnect",
            seconds: \.freshness.staleOnDisconnectSeconds,
            default: "24h",
            "How long after its end a stale response answers while its origin is out of reach; 0s: never."
        ),
        .fieldNames(
            "freshness.targets",
            \.freshness.targets,
            default: "[]",
            "Fields that stand in the place of Cache-Control where a response has them, such as \"CDN-Cache-Control\"; "
                + "the first that it has counts (RFC 9213)."
        ),
        .duration(
            "collapse.pass_memory",
            nanoseconds: \.collapse.passMemoryNanoseconds,
            default: "120s",
            "How long it is remembered that responses of a URL cannot be stored, so that nobody waits for one."
        ),
        .duration(
            "collapse.wait",
            nanoseconds: \.collapse.waitNanoseconds,
            default: "5s",
            "How long a request waits for the head of the same request of another client before it goes by itself."
        ),
    ]

    private static let tunnel: [Directive] = [
        .duration(
            "tunnel.idle_timeout",
            nanoseconds: \.tunnel.idleTimeoutNanoseconds,
            atLeast: millisecond,
            default: "10m",
            "How long a CONNECT tunnel may be silent in both directions."
        ),
        .duration(
            "tunnel.max_age",
            nanoseconds: \.tunnel.maxAgeNanoseconds,
            atLeast: second,
            default: "24h",
            "How long a CONNECT tunnel may live."
        ),
    ]

    private static let running: [Directive] = [
        .log(
            "log.access",
            \.log.access,
            default: "-",
            "Where the access log goes: \"-\" is the standard output, \"off\" is nowhere, all else is the path of "
                + "a file."
        ),
        .flag(
            "log.query",
            \.log.query,
            default: "true",
            "Whether the query strings of URLs are logged; they may hold secrets."
        ),
        .size(
            "log.max_size",
            \.log.maxSize,
            in: (64 << 10)...(1 << 50),
            default: "100 MiB",
            "A log file of this size is renamed to end in .1, and a new one is begun."
        ),
        .duration(
            "stop.grace",
            nanoseconds: \.stop.graceNanoseconds,
            default: "15s",
            "How long running responses may go on after SIGTERM; a second signal ends at once."
        ),
    ]
}
