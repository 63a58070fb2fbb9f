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
                + "sends the whole new version, \"off\" sends the rest of the new version, which the client "
                + "would splice."
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
        .size(
            "resume.verified_restart",
            \.resume.verifiedRestart,
            default: "4 GiB",
            "How much one download may fetch again from byte 0 while its client waits, to be compared with what is held, "
                + "where the origin knows no ranges or gives no validator; 0: never."
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
    ]
}
