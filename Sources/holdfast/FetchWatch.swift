// Waiting for downloads of the queue: lines that renew themselves on a terminal, plain lines in a pipe. The proxy may
// end and start again meanwhile; the downloads go on then, and so does the waiting.

import ArgumentParser
import Exchange
import Foundation
import Glibc
import Transport

struct FetchWatch {
    let door: CacheDoor
    let isJSON: Bool

    private static let pauseMicroseconds: UInt32 = 300_000
    /// In a pipe: at most one line about progress in so many seconds.
    private static let lineSeconds: Int64 = 10

    /// Returns the downloads when all of them are over.
    func watch(_ ids: [Int64]) throws -> [DownloadItem] {
        let isTerminal = !isJSON && isatty(STDOUT_FILENO) == 1
        var reported: [Int64: DownloadItem] = [:]
        var printedAt: [Int64: Int64] = [:]
        var drawn = 0
        var isAway = false
        while true {
            // What is over stays so for who waits.
            let pending = ids.filter { reported[$0]?.isOver != true }
            guard let items = try self.items(pending) else {
                if !isAway { Output.complain("The proxy has ended; waiting for it to start again.") }
                isAway = true
                usleep(Self.pauseMicroseconds)
                continue
            }
            isAway = false
            let now = Clock.unixSeconds()
            if isTerminal {
                let over = items.filter(\.isOver)
                let running = items.filter { !$0.isOver }
                draw(over.map { Output.rendering.outcome($0) }, running, &drawn, now: now)
            } else {
                for item in items where isNews(item, reported[item.id], printedAt[item.id] ?? 0, now) {
                    try report(item, now: now)
                    printedAt[item.id] = now
                }
            }
            for item in items { reported[item.id] = item }
            if items.allSatisfy(\.isOver) { return ids.compactMap { reported[$0] } }
            usleep(Self.pauseMicroseconds)
        }
    }

    /// nil while no proxy answers. Who was taken off the list meanwhile was cancelled.
    private func items(_ ids: [Int64]) throws -> [DownloadItem]? {
        var found: [Int64: DownloadItem] = [:]
        let isAnswered = try door.askProxy(.downloads(ids: ids)) { answer in
            if case .download(let item) = answer { found[item.id] = item }
            return true
        }
        guard isAnswered else { return nil }
        return ids.map { found[$0] ?? DownloadItem(id: $0, url: "download \($0)", state: "cancelled") }
    }

    private func isNews(_ item: DownloadItem, _ before: DownloadItem?, _ printedAt: Int64, _ now: Int64) -> Bool {
        guard let before, before.state == item.state else { return true }
        return before != item && now - printedAt >= Self.lineSeconds
    }

    private func report(_ item: DownloadItem, now: Int64) throws {
        if isJSON {
            try Output.print(json: item, isPretty: false)
        } else if item.isOver {
            Output.print(Output.rendering.outcome(item))
        } else {
            Output.print(Output.rendering.progress(item, now: now, columns: .max))
        }
    }

    /// The lines of what is over stay; those below are drawn again in place.
    private func draw(_ over: [String], _ running: [DownloadItem], _ drawn: inout Int, now: Int64) {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20
        let columns = isKnown ? Int(size.ws_col) : 80
        let rows = isKnown ? max(2, Int(size.ws_row) - 2) : 20
        var text = drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : ""
        for line in over { text += line + "\n" }
        var lines = running.prefix(rows).map { Output.rendering.progress($0, now: now, columns: columns - 1) }
        if running.count > rows { lines[rows - 1] = "and \(running.count - rows + 1) more" }
        text += lines.map { $0 + "\n" }.joined()
        drawn = lines.count
        Output.write(text)
    }
}
