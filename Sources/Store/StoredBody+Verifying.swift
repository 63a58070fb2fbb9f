// The check of pieces against their checksums before any of their bytes is read for the first time since the
// body was loaded (hardening 2.2 item 4). A piece that fails is deleted, counted, and fetched again; nobody
// ever sees its bytes.

import HTTPSemantics
import Resume
import Synchronization

extension StoredBody {
    /// On a disk thread: checks what of the range is held and not proved. The part of the range that stands at
    /// its start and is proved then; nil where its first byte is not. Throws where nothing could be read now.
    func provedPart(of range: Range<Int64>) throws(StoreError) -> Range<Int64>? {
        var failure: StoreError?
        if let file = try openForReading() {
            do throws(StoreError) { try verify(range, in: file) } catch { failure = error }
        }
        let proved = state.withLock { state -> Range<Int64>? in
            let end = min(range.upperBound, state.verified.runEnd(from: range.lowerBound))
            return end > range.lowerBound ? range.lowerBound..<end : nil
        }
        if proved == nil, let failure { throw failure }
        return proved
    }

    /// nil where there is no file to read.
    func openForReading() throws(StoreError) -> BodyFile? {
        let (known, isNeeded) = state.withLock { ($0.file, $0.content == nil && !$0.held.isEmpty) }
        if let known { return known }
        guard isNeeded else { return nil }
        guard let file = try BodyFile.open(id, in: services) else {
            forgetAll()
            _ = lose()
            return nil
        }
        remember(file)
        return file
    }

    /// On a disk thread: the body was removed, and its file has its name for the last time.
    func openForReaders(lingering bytes: Int64) {
        guard let file = try? openForReading() else { return }
        file.linger(bytes)
        state.withLock { state in
            for number in state.readers.keys { state.readers[number]?.file = file }
        }
        services.descriptors.forget(id)
    }

    private func verify(_ range: Range<Int64>, in file: BodyFile) throws(StoreError) {
        let (unproved, held) = state.withLock { state -> (ByteRangeSet, ByteRangeSet) in
            var unproved = state.held.intersection(range)
            let held = unproved
            unproved.subtract(state.verified)
            return (unproved, held)
        }
        guard let first = unproved.ranges.first, let last = unproved.ranges.last, !held.isEmpty else { return }
        for number in Segment.number(of: first.lowerBound)...Segment.number(of: last.upperBound - 1) {
            let known = state.withLock { $0.segments[number] }
            let segment = if let known { known } else { try loadSegment(number) }
            try verify(unproved, segment: segment, number: number, in: file)
        }
    }

    /// Checks the pieces of one segment that touch these ranges.
    func verify(
        _ unproved: ByteRangeSet,
        segment: Segment,
        number: Int64,
        in file: BodyFile
    ) throws(StoreError) {
        let base = Segment.start(of: number)
        var good = ByteRangeSet()
        var bad = ByteRangeSet()
        // Held bytes that no piece describes are not proved by anything.
        for range in unproved.intersection(base..<(base + Segment.size)).ranges { bad.insert(range) }
        for piece in segment.pieces {
            let range = (base + Int64(piece.start))..<(base + Int64(piece.end))
            guard unproved.next(atOrAfter: range.lowerBound).map({ $0.lowerBound < range.upperBound }) ?? false else {
                continue
            }
            bad.remove(range)
            if Self.isSound(piece, at: range.lowerBound, in: file) { good.insert(range) } else { bad.insert(range) }
        }
        state.withLock { state in
            for range in good.ranges {
                for part in state.held.intersection(range).ranges { state.verified.insert(part) }
            }
        }
        if !bad.isEmpty { try drop(bad, number: number) }
    }

    static func isSound(_ piece: Piece, at offset: Int64, in file: BodyFile) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: piece.length, alignment: 4096) { buffer in
            guard let count = try? file.read(into: buffer, at: offset), count == piece.length else { return false }
            return Checksum.of(UnsafeRawBufferPointer(buffer)) == piece.checksum
        }
    }

    /// Damaged pieces are held no longer.
    func drop(_ bad: ByteRangeSet, number: Int64) throws(StoreError) {
        try pin(number...number)
        let base = Segment.start(of: number)
        let (pieces, bytes, wakes) = state.withLock { state -> (Int, Int64, [Wake]) in
            let before = state.held.byteCount
            let removed =
                state.segments[number]?.remove { piece in
                    bad.next(atOrAfter: base + Int64(piece.start)).map { $0.lowerBound < base + Int64(piece.end) }
                        ?? false
                } ?? []
            for range in removed {
                let damaged = (base + Int64(range.lowerBound))..<(base + Int64(range.upperBound))
                state.held.remove(damaged)
                state.verified.remove(damaged)
                state.dropped.insert(damaged)
            }
            state.dropped.formUnion(bad)
            state.held.subtract(bad)
            state.verified.subtract(bad)
            if state.segments[number] == nil { state.segments[number] = Segment() }
            state.dirtySegments.insert(number)
            // Those of a removed body are counted no more.
            let bytes = state.isRemoved ? 0 : before - state.held.byteCount
            return (max(1, removed.count), bytes, state.takeAllWakes())
        }
        unpin()
        services.quota.shrink(bytes)
        services.damagedPieces.add(pieces, ordering: .relaxed)
        services.log(
            "\(pieces) damaged pieces of \(state.withLock { $0.response?.key.uri } ?? "a body") were dropped "
                + "(\(bytes) bytes); they will be fetched again."
        )
        noteChange(bytes: 0)
        for wake in wakes { wake() }
    }

    /// Nothing is held any more.
    private func forgetAll() {
        let bytes = state.withLock { state in
            defer {
                state.held = ByteRangeSet()
                state.verified = ByteRangeSet()
            }
            return state.isRemoved ? 0 : state.held.byteCount
        }
        services.quota.shrink(bytes)
    }

    /// Brings the pages of a range into memory.
    func readIn(_ range: Range<Int64>, from file: BodyFile) {
        withUnsafeTemporaryAllocation(byteCount: 256 << 10, alignment: 4096) { buffer in
            var offset = range.lowerBound
            while offset < range.upperBound {
                guard let count = try? file.read(into: buffer, at: offset), count > 0 else { return }
                offset += Int64(count)
            }
        }
    }
}
