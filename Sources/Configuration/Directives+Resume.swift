// The directives about downloads that are interrupted (resume-rules 4, 6 and 11); Directives.swift has the list of all.

extension Directive {
    static let resume: [Directive] = [
        .word(
            "resume.on_disconnect",
            \.resume.onDisconnect,
            default: "finish",
            "When the last client leaves a download: \"finish\" fetches the rest of what was asked for, \"park\" stops "
                + "and remembers it as unfinished, \"drop\" stops and does not; what is held stays held in all three."
        ),
        .optionalSize(
            "resume.finish_below",
            \.resume.finishBelow,
            "Finish without a client where at most this much is missing, else park; unset: no such condition. Where "
                + "the length is unknown, this much more is fetched (64 MiB where unset)."
        ),
        .optionalShare(
            "resume.finish_share",
            \.resume.finishShare,
            "Finish without a client where at least this share is held, else park; unset: no such condition. Of this "
                + "and finish_below, one that holds is enough."
        ),
        .share(
            "resume.finish_share_unresumable",
            \.resume.finishShareUnresumable,
            default: "0.5",
            "A download that could not be resumed later is finished where at least this share is held, else dropped."
        ),
        .count(
            "resume.max_finishing",
            \.resume.maxFinishing,
            in: 0...10_000,
            default: "16",
            "How many downloads finish at the same time without a client; further ones are parked."
        ),
        .size(
            "resume.finish_max_size",
            \.resume.finishMaxSize,
            default: "64 GiB",
            "A larger download is not finished without a client, but parked."
        ),
        .word(
            "resume.resume_guard",
            \.resume.resumeGuard,
            default: "full",
            "When a client that holds the beginning of an older version asks for the rest without If-Range: \"full\" "
                + "sends the whole new version, \"retained\" the rest of the older one as long as it is kept and may "
                + "be used, \"off\" sends the rest of the new version, which the client would splice."
        ),
        .duration(
            "resume.guard_time",
            seconds: \.resume.guardTimeSeconds,
            default: "1h",
            "How long it is remembered which client holds the beginning of which version."
        ),
        .size(
            "resume.overlap_probe",
            \.resume.overlapProbe,
            in: 0...(16 << 20),
            default: "16 KiB",
            "How much of what is held is fetched again at a resume and compared, to notice a file that has changed."
        ),
        .flag(
            "resume.origin_memory",
            \.resume.originMemory,
            default: "true",
            "Whether what an origin's ranges and conditions are worth is remembered for a week, and used by "
                + "the next download from there."
        ),
        .size(
            "resume.verified_restart",
            \.resume.verifiedRestart,
            default: "4 GiB",
            "How much one download may fetch again from byte 0 while its client waits, to be compared with what is held, "
                + "where the origin knows no ranges or gives no validator; 0: never."
        ),
        .flag(
            "resume.confirm_end",
            \.resume.confirmsEnd,
            default: "true",
            "Whether the end of a body that only the closing of its connection marks is confirmed by a small "
                + "request, before a client is told that it is whole; what is found to be missing is fetched."
        ),
        .flag(
            "resume.eager",
            \.resume.isEager,
            default: "false",
            "Whether the response of a download that is held in part begins before the origin has confirmed "
                + "the version, where it is fresh and has a strong validator; if it has changed, the response is "
                + "cut."
        ),
        .flag(
            "resume.verify_digests",
            \.resume.verifyDigests,
            default: "true",
            "Compare complete bodies with the digests that their fields or URLs name; what has another one is dropped and "
                + "fetched anew."
        ),
        .size(
            "resume.gap_threshold",
            \.resume.gapThreshold,
            in: 0...(16 << 20),
            default: "16 KiB",
            "A held piece of at most this size between two holes is read through and compared, rather than "
                + "asking twice."
        ),
        .duration(
            "resume.give_up_after",
            seconds: \.resume.giveUpAfterSeconds,
            default: "24h",
            "An unfinished download without progress for this long is shown as given up and not taken up by itself."
        ),
        .count(
            "resume.parallel",
            \.resume.parallel,
            in: 1...16,
            default: "1",
            "At most so many connections fetch one large download side by side, where its origin tolerates "
                + "it; fewer where it answers 429 or slows down, and each byte still once; 1: one."
        ),
        .size(
            "resume.read_ahead",
            \.resume.readAhead,
            default: "0 B",
            "How far is read ahead at most behind what a client asks for piece by piece, as a player does: "
                + "little after a jump, twice as much with each request that goes on; 0: not at all."
        ),
    ]
}
