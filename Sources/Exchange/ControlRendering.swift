// The answers as text for people: what `status`, `ls`, `show` and `purge` print without `--json`. Pure: the terminal's
// character set and the time are arguments. URLs and fields are foreign text, and are escaped.

/// How answers are printed.
package struct ControlRendering: Sendable {
    let glyphs: RangeBar.Glyphs

    package init(glyphs: RangeBar.Glyphs) { self.glyphs = glyphs }

    // MARK: status

    package func status(_ status: StatusAnswer) -> String {
        var lines: [String] = []
        if let process = status.process {
            lines.append(
                "holdfast \(process.id) listens on \(process.listening.joined(separator: ", ")), up "
                    + HumanText.duration(seconds: process.uptimeSeconds)
            )
            lines.append(traffic(process.traffic))
        } else {
            lines.append("No proxy runs on this cache.")
        }
        lines.append(
            "cache \(AccessLogLine.escaped(status.directory)) holds \(HumanText.count(status.responses, "response")), "
                + "\(HumanText.size(status.bytes)) of \(HumanText.size(status.maxBytes))"
        )
        if status.damagedPieces > 0 {
            lines.append("\(HumanText.count(status.damagedPieces, "damaged piece")) found, to be fetched again")
        }
        lines += rates(status.rates)
        lines += section("being filled", status.fills.map { fill($0) })
        lines += section("waiting for an origin", status.waits.map { wait($0, now: status.now) })
        for state in [StatusDownload.State.interrupted, .outsideHours, .parked, .givenUp] {
            let downloads = status.waiting.filter { $0.state == state }
            lines += section(
                Self.title(state, isRunning: status.process != nil),
                downloads.map { download in
                    heading(download.url, download.held)
                        + ["    remembered \(ago(status.now - download.since))\(because(download))"]
                }
            )
        }
        if status.fills.isEmpty, status.waiting.isEmpty, status.waits.isEmpty {
            lines.append("nothing is being filled or unfinished")
        }
        return lines.joined(separator: "\n")
    }

    private func traffic(_ traffic: Traffic) -> String {
        "\(HumanText.count(Int(traffic.requests), "request")), \(HumanText.count(Int(traffic.hits), "hit")), "
            + "\(HumanText.count(Int(traffic.failures), "failure")); \(HumanText.size(traffic.bytesSent)) sent, "
            + "\(HumanText.size(traffic.bytesFromCache)) of it from the cache, "
            + "\(HumanText.size(traffic.bytesFromUpstream)) from upstream"
    }

    private static func title(_ state: StatusDownload.State, isRunning: Bool) -> String {
        switch state {
        case .interrupted: isRunning ? "waiting to be taken up" : "taken up when the proxy starts"
        case .outsideHours: "waiting for the hours of finish_between"
        case .parked: "parked until a client asks again"
        case .givenUp: "given up until a client asks again"
        }
    }

    private static func word(_ state: StatusDownload.State) -> String {
        switch state {
        case .interrupted: "interrupted"
        case .outsideHours: "waiting for finish_between"
        case .parked: "parked"
        case .givenUp: "given up"
        }
    }

    private func because(_ download: StatusDownload) -> String { download.reason.map { ". \($0)" } ?? "" }

    private func section(_ title: String, _ entries: [[String]]) -> [String] {
        entries.isEmpty ? [] : ["", "\(title) (\(entries.count)):"] + entries.flatMap { $0 }
    }

    private func heading(_ url: String, _ held: HeldPart) -> [String] {
        ["  \(AccessLogLine.escaped(url))", "    \(bar(held))  \(share(held))"]
    }

    private func fill(_ fill: StatusFill) -> [String] {
        var lines = heading(fill.url, fill.held)
        lines[lines.count - 1] += "  " + activity(fill)
        return lines + fill.claims.map { claim($0) }
    }

    private func activity(_ fill: StatusFill) -> String {
        let rate = fill.claims.reduce(Int64(0)) { $0 &+ $1.bytesPerSecond }
        var facts = [HumanText.rate(rate), HumanText.count(fill.readers, "reader")]
        if fill.isFinishing { facts.append("finishing without a reader") }
        if fill.isQueued { facts.append("queued: all places of resume.max_finishing are taken") }
        return facts.joined(separator: ", ")
    }

    private func claim(_ claim: StatusFill.Claim) -> String {
        let end = claim.end.map { HumanText.size($0) } ?? "the end"
        let rate = claim.bytesPerSecond > 0 ? " at \(HumanText.rate(claim.bytesPerSecond))" : ""
        return "    \(claim.state), from \(HumanText.size(claim.offset)) to \(end)\(rate)"
    }

    // MARK: ls

    package var listHeading: String {
        "\(HumanText.right("SIZE", 9))  \(HumanText.right("HELD", 5))  \(HumanText.left("RANGES", 20))  "
            + "\(HumanText.left("FRESHNESS", 16))  \(HumanText.left("USED", 8))  URL"
    }

    package func item(_ item: ListedItem, now: Int64) -> String {
        let size = item.held.completeLength.map { HumanText.size($0) } ?? "\(HumanText.size(item.held.bytes))+"
        let share = HumanText.share(held: item.held.bytes, of: item.held.completeLength)
        return "\(HumanText.right(size, 9))  \(HumanText.right(share, 5))  \(bar(item.held))  "
            + "\(HumanText.left(Self.freshness(item.freshness), 16))  "
            + "\(HumanText.left(HumanText.shortDuration(seconds: now - item.lastUse) + " ago", 8))  "
            + AccessLogLine.escaped(item.url)
    }

    static func freshness(_ note: FreshnessNote) -> String {
        if note.mustValidate { return "ask each time" }
        if note.ttl > 0 { return "fresh for \(HumanText.shortDuration(seconds: note.ttl))" }
        return note.lifetime == 0 ? "stale" : "stale for \(HumanText.shortDuration(seconds: -note.ttl))"
    }

    // MARK: show

    package func shown(_ answer: ShownAnswer) -> String {
        let versions = answer.versions.map { version($0, url: answer.url, now: answer.now) }
        return ([rule(answer)] + versions).filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    /// Which rule holds for the URL, and why; nothing where none does.
    package func rule(_ answer: ShownAnswer) -> String {
        var lines: [String] = []
        if let rule = answer.rule {
            lines.append("\(AccessLogLine.escaped(rule.origin)) holds for this URL")
            lines += rule.sentences.map { "  " + AccessLogLine.escaped($0) }
        }
        if let key = answer.key { lines.append("  its key is \(AccessLogLine.escaped(key))") }
        if let failure = answer.digestFailure { lines.append(AccessLogLine.escaped(failure)) }
        return lines.joined(separator: "\n")
    }

    private func version(_ version: ShownVersion, url: String, now: Int64) -> String {
        let freshness = version.freshness
        var lines = ["\(AccessLogLine.escaped(url))  (version \(version.version))"]
        lines.append("  held        \(bar(version.held))  \(share(version.held))")
        if !version.held.isComplete { lines += ranges(version.held) }
        lines.append("  reuse       \(freshness.verdict)")
        let kind = freshness.isHeuristic ? "our guess (heuristic)" : "the origin's word"
        let rest =
            freshness.ttl > 0
            ? "fresh for \(HumanText.duration(seconds: freshness.ttl))"
            : "stale for \(HumanText.duration(seconds: -freshness.ttl))"
        lines.append(
            "  freshness   lifetime \(HumanText.duration(seconds: freshness.lifetime)), \(kind); "
                + "age \(HumanText.duration(seconds: freshness.age)); \(rest)"
        )
        lines.append("  resume      \(AccessLogLine.escaped(version.resumability))")
        if let digest = version.digest {
            lines.append("  digest      \(digest.value), as \(AccessLogLine.escaped(digest.namedBy)) names it")
        } else if let expected = version.expectedDigest {
            lines.append(
                "  digest      not compared yet; \(AccessLogLine.escaped(expected.namedBy)) names \(expected.value)"
            )
        }
        if let fill = version.fill {
            lines.append("  filling     \(activity(fill))")
            lines += fill.claims.map { claim($0) }
        } else if let unfinished = version.unfinished {
            lines.append(
                "  unfinished  \(Self.word(unfinished.state)), remembered \(ago(now - unfinished.since))\(because(unfinished))"
            )
        }
        let origin = version.originAddress.isEmpty ? "" : " from \(version.originAddress)"
        lines.append("  received    \(ago(now - version.responseTime))\(origin)")
        lines.append("  used        \(ago(now - version.lastUse)), \(HumanText.count(Int(version.hits), "time"))")
        if !version.requestFields.isEmpty { lines += ["  answers requests with"] + fields(version.requestFields) }
        lines += ["  status      \(version.status)"] + fields(version.fields)
        return lines.joined(separator: "\n")
    }

    private func fields(_ fields: [FieldLine]) -> [String] {
        fields.map { "    \(AccessLogLine.escaped($0.name)): \(AccessLogLine.escaped($0.value))" }
    }

    /// A body may be held in thousands of ranges; people look at the first ones.
    private func ranges(_ held: HeldPart) -> [String] {
        let shown = held.ranges.prefix(16).map { "    bytes \($0.lowerBound)-\($0.upperBound - 1)" }
        let more = held.ranges.count - shown.count
        return shown + (more > 0 ? ["    and \(HumanText.count(more, "further range"))"] : [])
    }

    // MARK: purge

    package func purged(_ answer: PurgeAnswer) -> String {
        guard !answer.items.isEmpty else { return "removed \(HumanText.count(answer.removed, "response"))" }
        return answer.items.map { item in
            let url = AccessLogLine.escaped(item.url)
            if let problem = item.problem { return "\(url): \(problem)" }
            return item.removed == 0 ? "\(url): nothing was held" : "\(url): removed \(item.removed)"
        }.joined(separator: "\n")
    }

    // MARK: Parts

    private func bar(_ held: HeldPart) -> String {
        RangeBar.draw(held: held.ranges, length: held.completeLength, glyphs: glyphs)
    }

    private func share(_ held: HeldPart) -> String {
        guard let length = held.completeLength else {
            return "\(HumanText.size(held.bytes)) held, length not known"
        }
        return "\(HumanText.share(held: held.bytes, of: length)) of \(HumanText.size(length))"
    }

    private func ago(_ seconds: Int64) -> String { "\(HumanText.duration(seconds: seconds)) ago" }
}
