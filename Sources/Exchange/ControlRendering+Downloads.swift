// Downloads of the queue as people read them: a list, and one line that shows how far a download has come.

import Resume

extension ControlRendering {
    package var downloadsHeading: String {
        "\(HumanText.right("ID", 4))  \(HumanText.left("STATE", 9))  \(HumanText.right("HELD", 5))  "
            + "\(HumanText.right("SIZE", 9))  \(HumanText.left("RANGES", 20))  URL"
    }

    /// One line, and a second one where there is a reason to tell.
    package func download(_ item: DownloadItem, now: Int64) -> String {
        let size = item.held.map { held in held.completeLength.map { HumanText.size($0) } ?? "?" } ?? "?"
        let share = item.held.map { HumanText.share(held: $0.bytes, of: $0.completeLength) } ?? "0 %"
        let bar = RangeBar.draw(held: item.held?.ranges ?? [], length: item.held?.completeLength, glyphs: glyphs)
        let line =
            "\(HumanText.right("\(item.id)", 4))  \(HumanText.left(item.state, 9))  \(HumanText.right(share, 5))  "
            + "\(HumanText.right(size, 9))  \(bar)  \(AccessLogLine.escaped(item.url))"
        let notes = self.notes(item, now: now)
        return notes.isEmpty ? line : line + "\n      " + notes
    }

    private func notes(_ item: DownloadItem, now: Int64) -> String {
        var notes: [String] = []
        if item.state == "running", item.bytesPerSecond > 0 { notes.append(Self.pace(item)) }
        if item.state == "done", item.held == nil { notes.append("It is no longer held.") }
        if let target = item.target { notes.append("from \(AccessLogLine.escaped(target))") }
        if let reason = item.reason { notes.append(AccessLogLine.escaped(reason)) }
        if item.state == "waiting", let at = item.retryAt {
            notes.append("Tried again in \(HumanText.duration(seconds: at - now)).")
        }
        return notes.joined(separator: " ")
    }

    /// `1.5 MiB/s, 3m 20s left`
    static func pace(_ item: DownloadItem) -> String {
        let rate = HumanText.rate(item.bytesPerSecond)
        guard let held = item.held, let length = held.completeLength, item.bytesPerSecond > 0 else { return rate }
        let left = (length - held.bytes + item.bytesPerSecond - 1) / item.bytesPerSecond
        return "\(rate), \(HumanText.duration(seconds: left)) left"
    }

    /// How far a download has come, in one line of at most so many columns for a terminal.
    package func progress(_ item: DownloadItem, now: Int64, columns: Int) -> String {
        let bar = RangeBar.draw(held: item.held?.ranges ?? [], length: item.held?.completeLength, glyphs: glyphs)
        var text: String
        if let held = item.held {
            let length = held.completeLength
            let share = HumanText.share(held: held.bytes, of: length)
            text = "\(bar) \(HumanText.right(share, 5))  \(HumanText.size(held.bytes))"
            if let length { text += " of \(HumanText.size(length))" }
        } else {
            text = bar
        }
        text += "  " + activity(item, now: now)
        let room = columns - text.count - 2
        if room >= 8 { text += "  " + Self.ending(of: AccessLogLine.escaped(item.url), room) }
        return String(text.prefix(columns))
    }

    private func activity(_ item: DownloadItem, now: Int64) -> String {
        switch item.state {
        case "running":
            return item.activity == "receiving" && item.bytesPerSecond > 0 ? Self.pace(item) : item.activity ?? "asking"
        case "waiting":
            let due = item.retryAt.map { ", again in \(HumanText.duration(seconds: $0 - now))" } ?? ""
            return "waiting\(due)"
        default: return item.state
        }
    }

    /// The last part of a URL tells more than its beginning.
    private static func ending(of text: String, _ count: Int) -> String {
        text.count <= count ? text : "..." + text.suffix(count - 3)
    }

    /// What became of a download, for a pipe and for the end of a terminal's display.
    package func outcome(_ item: DownloadItem) -> String {
        let url = AccessLogLine.escaped(item.url)
        let reason = item.reason.map { " " + AccessLogLine.escaped($0) } ?? ""
        let size = item.state == "done" ? item.held.map { ", \(HumanText.size($0.bytes))" } ?? "" : ""
        return "\(url): \(item.state)\(size) (download \(item.id)).\(reason)"
    }
}

extension ControlRendering {
    package func adopted(_ answer: AdoptedAnswer) -> String {
        let url = AccessLogLine.escaped(answer.url)
        let held = HumanText.size(answer.held.bytes)
        let target = answer.target.map { " (as \(AccessLogLine.escaped($0)))" } ?? ""
        if answer.held.isComplete { return "\(url)\(target): all of its \(held) are held now" }
        let length = answer.held.completeLength.map { " of \(HumanText.size($0))" } ?? ""
        return "\(url)\(target): \(held)\(length) are held now; holdfast fetch gets the rest"
    }

    package func examined(_ answer: ExaminedAnswer) -> String {
        var lines = [AccessLogLine.escaped(answer.url)]
        if let target = answer.target { lines.append("  redirects to \(AccessLogLine.escaped(target))") }
        lines += answer.sentences.map { "  " + AccessLogLine.escaped($0) }
        // Of what is remembered nothing was asked, so that there is no single response to speak of.
        guard answer.status != nil else { return lines.joined(separator: "\n") }
        let length = answer.completeLength.map { HumanText.size($0) } ?? "length not known"
        let validator = answer.validator.map { "validator \(AccessLogLine.escaped($0))" } ?? "no strong validator"
        lines.append("  \(length), \(validator); \(HumanText.count(answer.requests, "request")) asked")
        return lines.joined(separator: "\n")
    }
}
