// The background scrub (hardening 2.2 item 4): body after body is read slowly, while the disk threads have
// nothing else to do, and its pieces are checked against their checksums; a damaged one is dropped before
// anybody asks for it. It ends with the store. Whatever it does is only a hint to the body, which checks again.

import HTTPSemantics
import Resume
import Synchronization

/// How fast a store checks what it holds.
package struct ScrubPace: Sendable {
    /// Bytes a second at most; 0: nothing is checked in the background.
    package var bytesPerSecond: Int64
    /// Before the first round, nanoseconds.
    package var startNanoseconds: Int64
    /// Between two rounds, nanoseconds.
    package var restNanoseconds: Int64

    package init(
        bytesPerSecond: Int64 = 4 << 20,
        startNanoseconds: Int64 = 600_000_000_000,
        restNanoseconds: Int64 = 86_400_000_000_000
    ) {
        self.bytesPerSecond = bytesPerSecond
        self.startNanoseconds = startNanoseconds
        self.restNanoseconds = restNanoseconds
    }
}

/// The rounds of the scrub. A step reads at most one segment, 4 MiB.
struct Scrub: Sendable {
    let services: StoreServices
    let find: @Sendable (CacheKey, @escaping ResponseTable.Completion) -> Void

    private var pace: ScrubPace { services.configuration.scrub }
    /// Where there is other work, or nothing to read: nanoseconds until the next step.
    private static let pause: Int64 = 1_000_000_000

    /// A segment by its body and its number.
    private struct Place: Sendable {
        var body: Int64 = 0
        var number: Int64 = -1
    }

    func start() {
        if pace.bytesPerSecond > 0 { step(after: pace.startNanoseconds, behind: Place()) }
    }

    private func step(after nanoseconds: Int64, behind place: Place) {
        services.pool.submit(in: DiskQueue(), after: nanoseconds) {
            guard !services.isClosed.load(ordering: .acquiring) else { return }
            guard services.pool.isQuiet else { return step(after: Self.pause, behind: place) }
            check(behind: place)
        }
    }

    private func check(behind place: Place) {
        do {
            guard let (next, uri, segment) = try row(behind: place) else {
                return step(after: pace.restNanoseconds, behind: Place())
            }
            guard case .success(let parsed) = AbsoluteURI.parse(uri), let segment else {
                return step(after: 0, behind: next)
            }
            let (bytes, damaged) = try read(segment, at: next)
            if !damaged.isEmpty { report(damaged, of: next.body, key: CacheKey(parsed)) }
            let (scaled, isTooLong) = bytes.multipliedReportingOverflow(by: 1_000_000_000)
            step(after: isTooLong ? Self.pause : scaled / pace.bytesPerSecond, behind: next)
        } catch {
            services.log("The background check stopped: \(error)")
            step(after: pace.restNanoseconds, behind: Place())
        }
    }

    /// The next segment that is in the index; nil behind the last one.
    private func row(behind place: Place) throws -> (Place, uri: String, Segment?)? {
        var found: (Place, uri: String, Segment?)?
        try services.connections.read { database in
            try database.query(
                """
                SELECT segment.body, number, pieces, uri FROM segment
                JOIN stored_response ON stored_response.id = segment.body
                WHERE (segment.body, number) > (?, ?) AND superseded_until IS NULL
                ORDER BY segment.body, number LIMIT 1
                """,
                [.integer(place.body), .integer(place.number)]
            ) { row in
                let next = Place(body: row.integer(0), number: row.integer(1))
                let segment = Segment(decoding: row.blob(2), body: next.body, number: next.number)
                found = (next, row.text(3), segment)
                return false
            }
        }
        return found
    }

    /// The bytes that were read, and the ranges of pieces that are not what they were.
    private func read(_ segment: Segment, at place: Place) throws -> (Int64, [Range<Int64>]) {
        // Without a file there is nothing to read; the next look-up notices.
        guard let file = try BodyFile.open(place.body, in: services) else { return (0, []) }
        var bytes: Int64 = 0
        var damaged: [Range<Int64>] = []
        // What is not flushed may still be on its way.
        for piece in segment.pieces where piece.state == .flushed {
            let start = Segment.start(of: place.number) + Int64(piece.start)
            bytes += Int64(piece.length)
            if !StoredBody.isSound(piece, at: start, in: file) { damaged.append(start..<start + Int64(piece.length)) }
        }
        return (bytes, damaged)
    }

    private func report(_ damaged: [Range<Int64>], of id: Int64, key: CacheKey) {
        find(key) { responses in
            guard let response = responses.first(where: { $0.id == id }) else { return }
            response.body.doubt(damaged, for: response)
        }
    }
}

extension StoredBody {
    /// These ranges are believed no longer: they are checked again, and dropped where they are damaged. Not while
    /// somebody writes.
    fileprivate func doubt(_ ranges: [Range<Int64>], for response: StoredResponse) {
        services.pool.submit(in: queue) {
            let isIdle = self.state.withLock { state in
                guard state.writers.isEmpty, !state.isFlushing, !state.isRemoved else { return false }
                for range in ranges { state.verified.remove(range) }
                return true
            }
            guard isIdle else { return }
            for range in ranges { _ = try? self.provedPart(of: range) }
            withExtendedLifetime(response) {}
        }
    }
}
