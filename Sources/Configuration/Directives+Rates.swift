// The directives about what is finished without a client, when, and how fast anything goes (resume-rules 6);
// Directives.swift has the list of all.

extension Directive {
    static let finishing: [Directive] = [
        .optionalDuration(
            "resume.finish_eta",
            seconds: \.resume.finishETASeconds,
            "Finish without a client where the rest comes within this time at the rate at which it came, else park; "
                + "unset: no such condition. Of this, finish_below and finish_share, one that holds is enough."
        ),
        .word(
            "resume.finish_validator",
            \.resume.finishValidator,
            default: "none",
            "What a download must have to be finished without a client: \"etag\" a strong entity tag, \"date\" that or a "
                + "modification date that counts as strong, \"weak\" any validator, \"none\" nothing."
        ),
        .optionalHours(
            "resume.finish_between",
            \.resume.finishBetween,
            "The hours of the local day in which downloads finish without a client; outside them they wait, and are "
                + "taken up by themselves; unset: all hours. What \"holdfast fetch\" asked for runs at any time."
        ),
        .optionalDuration(
            "resume.finish_max_time",
            seconds: \.resume.finishMaxTimeSeconds,
            "A download that finishes without a client is parked after this time; unset: no bound."
        ),
        .count(
            "resume.max_finishing_per_origin",
            \.resume.maxFinishingPerOrigin,
            in: 1...10_000,
            default: "4",
            "How many of the downloads that finish at the same time without a client may come from one origin."
        ),
        .backgroundPace(
            "resume.background_rate",
            \.resume.backgroundRate,
            default: "unlimited",
            "How fast downloads that no client waits for may come, all together: \"unlimited\", \"yield\" (what "
                + "clients leave of the link), a size per second, or a share of what the link is seen to carry, such as "
                + "\"50%\"; all but the first give way to clients."
        ),
    ]

    static let upstreamRates: [Directive] = [
        .optionalRate(
            "upstream.max_rate",
            \.upstream.maxRate,
            "How many bytes a second of responses may come from all origins together; unset: no limit."
        ),
        .optionalRate(
            "upstream.max_rate_per_origin",
            \.upstream.maxRatePerOrigin,
            "How many bytes a second of responses may come from one origin; unset: no limit."
        ),
    ]

    static let downstreamRates: [Directive] = [
        .optionalRate(
            "downstream.max_rate",
            \.downstream.maxRate,
            "How many bytes a second of responses all clients together are sent; unset: no limit."
        ),
        .optionalRate(
            "downstream.max_rate_per_client",
            \.downstream.maxRatePerClient,
            "How many bytes a second of responses one client address (one /64 for IPv6) is sent; unset: no limit."
        ),
    ]
}
