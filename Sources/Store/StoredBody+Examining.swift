// Reading what is held against its checksums because somebody wants to know (`holdfast verify`): all of it, whether it was
// checked before or not. A damaged piece is dropped as at a first reading (hardening 2.2 item 4); the rest stays. And
// dropping bytes of which it has become known otherwise that they are not what the origin has.

package import HTTPSemantics
package import Resume
import Synchronization

/// A row of the index, as far as it can be read.
package struct ExaminedRow: Sendable {
    package let id: Int64
    package let uri: String
    /// Bytes held, as the row says.
    package let size: Int64
    /// It is what was written, with the bytes of a small body.
    package let isSound: Bool
}

/// What the examination of one stretch came to.
package struct Examination: Sendable {
    /// Where the next one begins; nil behind the last held byte.
    package var next: Int64?
    /// Bytes that were read and compared.
    package var examined: Int64 = 0
    /// What was held and is no longer.
    package var damaged = ByteRangeSet()
    /// The disk did not give the bytes now: a sentence.
    package var failure: String?
}

extension StoredBody {
    /// Examines what is held from this offset to the end of its segment, 4 MiB at most. Blocking; never on a loop.
    package func examine(from offset: Int64) -> Examination {
        let answer = Monitor<Examination?>(nil)
        let response = state.withLock { $0.response }
        services.pool.submit(in: queue) {
            let found = self.examination(from: offset)
            answer.change { $0 = found }
        }
        defer { withExtendedLifetime(response) {} }
        return answer.waiting { $0.map { .go($0) } ?? .wait(until: nil) }
    }

    /// On a disk thread.
    private func examination(from offset: Int64) -> Examination {
        var examination = Examination()
        let (held, content) = state.withLock { ($0.held, $0.content) }
        guard let first = held.next(atOrAfter: offset) else { return examination }
        // What is in memory was checked when it came from the index; the row is examined by the store.
        if let content {
            examination.examined = Int64(content.count)
            return examination
        }
        let number = Segment.number(of: max(first.lowerBound, offset))
        let end = Segment.start(of: number).addingSaturated(Segment.size)
        let part = held.intersection(offset..<end)
        examination.examined = part.byteCount
        do throws(StoreError) {
            if let file = try openForReading() {
                let known = state.withLock { $0.segments[number] }
                let segment = if let known { known } else { try loadSegment(number) }
                try verify(part, segment: segment, number: number, in: file)
            }
        } catch {
            examination.failure = error.sentence
        }
        var lost = part
        lost.subtract(state.withLock { $0.held })
        examination.damaged = lost
        examination.next = held.next(atOrAfter: end) == nil ? nil : end
        return examination
    }

    /// These bytes are not what the origin has, although they are what was written: they are held no longer, with the
    /// pieces that they are part of (an exception to invariant 11, like a damaged piece). The completion comes on a
    /// disk thread, with what was dropped.
    package func distrust(_ range: Range<Int64>, _ completion: @escaping @Sendable (ByteRangeSet) -> Void) {
        let response = state.withLock { $0.response }
        services.pool.submit(in: queue) {
            let before = self.state.withLock { $0.content == nil ? $0.held : ByteRangeSet() }
            let part = before.intersection(range)
            if let first = part.ranges.first, let last = part.ranges.last {
                for number in Segment.number(of: first.lowerBound)...Segment.number(of: last.upperBound - 1) {
                    let start = Segment.start(of: number)
                    let bad = part.intersection(start..<start.addingSaturated(Segment.size))
                    if !bad.isEmpty { try? self.drop(bad, number: number) }
                }
            }
            var dropped = before
            dropped.subtract(self.state.withLock { $0.held })
            completion(dropped)
            withExtendedLifetime(response) {}
        }
    }
}

extension Store {
    private static let examinedAtOnce = 64

    /// The next rows by their number, sound or not; none behind the last one. Blocking; never on a loop.
    package func rowsToExamine(after last: Int64, key: CacheKey?) -> [ExaminedRow] {
        var rows: [ExaminedRow] = []
        do {
            try services.connections.read { database in
                let ofKey = key == nil ? "" : "key = ? AND uri = ? AND"
                let values: [SQLValue] = key.map { [.blob(ResponseRow.bytes(of: $0)), .text($0.uri)] } ?? []
                try database.query(
                    """
                    SELECT \(ResponseRow.columns) FROM stored_response
                    WHERE \(ofKey) id > ? AND superseded_until IS NULL ORDER BY id LIMIT \(Self.examinedAtOnce)
                    """,
                    values + [.integer(last)]
                ) { row in
                    rows.append(
                        ExaminedRow(
                            id: row.integer(0),
                            uri: row.text(2),
                            size: row.integer(13),
                            isSound: ResponseRow(reading: row) != nil
                        )
                    )
                    return true
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
        return rows
    }

    /// The row of what is loaded is written anew from memory, which has what it ought to say. Blocking. false where that
    /// was to no avail.
    package func rewriteRow(of response: StoredResponse) -> Bool {
        // As if the bytes had moved between row and file: then all of the row is written, and not what changes alone.
        let isInRow = response.body.state.withLock { $0.isInMemory && $0.isComplete }
        response.change(isCurrent: nil) { record in
            record.isRowChanged = true
            record.isContentInIndex = !isInRow
        }
        services.mailbox.settle(hard: false)
        return rowsToExamine(after: response.id - 1, key: response.key).first { $0.id == response.id }?.isSound ?? false
    }
}
