// What fetch, downloads and adopt print. The values come from a running proxy or from the cache; here they are written
// down.

import Exchange
import Resume
import Testing

@Suite("What fetch, downloads and adopt print")
struct DownloadRenderingTests {
    private let rendering = ControlRendering(glyphs: .ascii)

    private func item(_ state: String, reason: String? = nil, rate: Int64 = 0, retryAt: Int64? = nil) -> DownloadItem {
        DownloadItem(
            id: 3,
            url: "http://example.org/large.iso",
            state: state,
            reason: reason,
            retryAt: retryAt,
            held: HeldPart(ByteRangeSet([0..<512 * 1024]), completeLength: 1024 * 1024),
            bytesPerSecond: rate,
            activity: rate > 0 ? "receiving" : nil
        )
    }

    @Test("A line of downloads stands under its heading; what runs tells its rate and the time left")
    func list() {
        #expect(rendering.downloadsHeading == "  ID  STATE       HELD       SIZE  RANGES                URL")
        let lines = rendering.download(item("running", rate: 1024), now: 0).split(separator: "\n")
        #expect(lines.first == "   3  running     50 %      1 MiB  ##########..........  http://example.org/large.iso")
        #expect(lines.last == "      1 KiB/s, 8m 32s left")
    }

    @Test("What waits tells why, and when it is tried again")
    func waiting() {
        let text = rendering.download(item("waiting", reason: "The origin answered 503.", retryAt: 130), now: 100)
        #expect(text.hasSuffix("\n      The origin answered 503. Tried again in 30s."))
    }

    @Test("The line of progress fits the terminal, and keeps the end of the URL", arguments: [40, 60, 79, 200])
    func progress(columns: Int) {
        let line = rendering.progress(item("running", rate: 2048), now: 0, columns: columns)
        #expect(line.count <= columns)
        #expect(line.hasPrefix("##########.........."))
        if columns > 79 { #expect(line.hasSuffix("large.iso")) }
    }

    @Test("A length that is not known makes no time left")
    func unknownLength() {
        let item = DownloadItem(
            id: 1,
            url: "u",
            state: "running",
            held: HeldPart(ByteRangeSet([0..<2048]), completeLength: nil),
            bytesPerSecond: 1024,
            activity: "receiving"
        )
        let line = rendering.progress(item, now: 0, columns: 100)
        #expect(line.contains("2 KiB  1 KiB/s"))
        #expect(!line.contains("left"))
    }

    @Test("A URL or a reason cannot speak to the terminal")
    func escaping() {
        let item = DownloadItem(id: 1, url: "http://a/\u{1B}]0;x\u{7}", state: "failed", reason: "\u{1B}[2J")
        for text in [
            rendering.download(item, now: 0), rendering.outcome(item), rendering.progress(item, now: 0, columns: 99),
        ] {
            #expect(!text.contains("\u{1B}"))
        }
    }

    @Test("The outcome names the URL, the state and the reason")
    func outcome() {
        #expect(
            rendering.outcome(item("failed", reason: "The origin answered 404."))
                == "http://example.org/large.iso: failed (download 3). The origin answered 404."
        )
        #expect(rendering.outcome(item("done")) == "http://example.org/large.iso: done, 512 KiB (download 3).")
    }

    @Test("What was adopted tells how much of it is held now")
    func adopted() {
        let part = HeldPart(ByteRangeSet([0..<1024]), completeLength: 2048)
        let whole = HeldPart(ByteRangeSet([0..<2048]), completeLength: 2048)
        #expect(
            rendering.adopted(AdoptedAnswer(url: "http://a/b", target: nil, version: 1, held: part))
                == "http://a/b: 1 KiB of 2 KiB are held now; holdfast fetch gets the rest"
        )
        #expect(
            rendering.adopted(AdoptedAnswer(url: "http://a/b", target: "http://c/b", version: 1, held: whole))
                == "http://a/b (as http://c/b): all of its 2 KiB are held now"
        )
    }
}
