// What `holdfast verify` prints for people: one line of progress, a line or a few for what is wrong, and a sentence at the
// end.

extension ControlRendering {
    /// In one line of at most so many columns.
    package func progress(_ progress: VerifyProgress, columns: Int) -> String {
        let done = progress.examined > 0 ? [0..<progress.examined] : []
        let bar = RangeBar.draw(held: done, length: max(1, progress.total), glyphs: glyphs)
        let share = HumanText.share(held: progress.examined, of: max(1, progress.total))
        var text =
            "\(bar) \(HumanText.right(share, 5))  \(HumanText.size(progress.examined)) of "
            + HumanText.size(progress.total)
        if progress.seconds > 0.2 {
            let rate = Int64(Double(progress.examined) / progress.seconds)
            text += "  \(HumanText.rate(rate))"
            if rate > 0 {
                text += ", \(HumanText.duration(seconds: (progress.total - progress.examined) / rate)) left"
            }
        }
        return String(text.prefix(columns))
    }

    package func verified(_ item: VerifiedItem) -> String {
        var lines: [String] = []
        if !item.damaged.isEmpty {
            let places = item.damaged.prefix(4).map { "\($0.lowerBound)-\($0.upperBound - 1)" }
            let more = item.damaged.count > 4 ? ", and \(item.damaged.count - 4) more" : ""
            let what = item.isRefetched ? "dropped, and being fetched again" : "dropped"
            lines.append("damaged: bytes \(places.joined(separator: ", "))\(more) (\(what))")
        }
        switch item.digest {
        case .none: break
        case .incomplete where item.damaged.isEmpty:
            lines.append("not complete: its \(Self.algorithm(item)) cannot be compared yet")
        case .incomplete: break
        case .matches:
            lines.append("\(Self.algorithm(item)) as \(AccessLogLine.escaped(item.namedBy ?? "")) names it")
        case .differs:
            lines.append(
                "WRONG: it is \(item.found ?? ""), and \(AccessLogLine.escaped(item.namedBy ?? "")) names "
                    + "\(item.expected ?? ""); it was removed from the cache"
            )
        }
        if let remark = item.remark { lines.append(AccessLogLine.escaped(remark)) }
        if lines.isEmpty { lines.append("sound") }
        return "\(AccessLogLine.escaped(item.url)): " + lines.joined(separator: "; ")
    }

    private static func algorithm(_ item: VerifiedItem) -> String {
        String(item.expected?.prefix { $0 != ":" } ?? "digest")
    }

    package func verification(_ summary: VerifySummary) -> String {
        var facts = [
            "\(HumanText.count(summary.responses, "response")), \(HumanText.size(summary.examined)) read",
            summary.damagedResponses == 0
                ? "no damage"
                : "\(HumanText.size(summary.damagedBytes)) damaged in "
                    + HumanText.count(summary.damagedResponses, "response"),
        ]
        if summary.matchingDigests > 0 { facts.append("\(HumanText.count(summary.matchingDigests, "digest")) right") }
        if summary.otherDigests > 0 { facts.append("\(HumanText.count(summary.otherDigests, "digest")) WRONG") }
        if summary.unclear > 0 { facts.append("\(summary.unclear) with a remark") }
        return facts.joined(separator: "; ")
    }
}
