// Room on the disk that writers ask for beforehand (hardening 2.2 item 6), and how it is given back: what was asked for
// and not written would stay allocated for as long as the file, and no quota would see it. All of it is done by jobs of
// the body's queue, like every write: what is not held when such a job looks is not held before it has ended. Nothing
// here knows what the bytes mean, or why a writer ended.

import Glibc
import Resume
import Synchronization

extension StoredBody {
    /// Room is asked for in steps of this size.
    private static let reservation: Int64 = 8 << 20
    /// Where the end of the body is not known, little is asked for beforehand.
    private static let blindReservation: Int64 = 1 << 20
    /// What a file may have beyond what is held without anybody looking for the reason: file systems count blocks of
    /// their own, too.
    static let slack: Int64 = 64 << 10

    // MARK: Asking

    /// On a disk thread: room for the bytes that a writer is about to write, and for some that it will write after them.
    /// Where that room ends.
    func reserve(_ sure: Range<Int64>, for writer: WriterCore, claimEnd: Int64?) throws(StoreError) -> Int64 {
        let (refusal, completeLength, limit) = state.withLock { state in
            (state.end, state.completeLength, state.endOfRoom(from: sure.upperBound, for: writer, claimEnd: claimEnd))
        }
        if let refusal = services.refusal ?? refusal { throw refusal }
        guard completeLength ?? 0 <= services.quota.largestBody else { throw Self.tooLarge }
        let isBlind = completeLength == nil
        let step = isBlind ? Self.blindReservation : Self.reservation
        var end = max(sure.upperBound, min(limit, sure.lowerBound.addingSaturated(step)))
        // What may never come is no reason to evict anything.
        let needed = (isBlind ? sure.upperBound : end) - sure.lowerBound
        guard services.mailbox.makeRoom(for: needed, in: services.quota) else {
            throw StoreError(.full, "The cache is full, and nothing in it may be evicted.")
        }
        if end > sure.upperBound {
            // What is asked for beforehand must be able to go back, and leave most of what is free to the bytes that come.
            let spare = services.takesBlocksBack.load(ordering: .relaxed) ? services.quota.roomOnDisk / 4 : 0
            end = min(end, sure.upperBound.addingSaturated(spare))
        }
        let range = sure.lowerBound..<end
        guard try openForWriting().reserve(range) else { return end }
        let more = state.withLock { state in
            let gaps = state.held.gaps(in: range)
            return state.changeReserve { reserved in for gap in gaps { reserved.insert(gap) } }
        }
        services.quota.changeReserve(by: more)
        return end
    }

    // MARK: Giving back

    /// On a disk thread: a writer ends, and what it has in reserve goes back; with the last one, all that is left.
    func giveBackReserve(of writer: WriterCore) {
        // At the end of the store this is one of its last jobs, for all bodies at once.
        guard !services.isClosed.load(ordering: .acquiring) else { return }
        let (reserved, others) = state.withLock { state in
            (state.reserved, state.reserved.isEmpty ? [] : state.writers.filter { $0 !== writer })
        }
        giveBack(reserved, beside: others)
    }

    /// At the end of the store.
    func submitGivingBack() {
        guard state.withLock({ !$0.reserved.isEmpty }) else { return }
        services.pool.submit(in: queue) { self.giveBack(self.state.withLock { $0.reserved }, beside: []) }
    }

    /// What an earlier run left allocated and unwritten, because it was killed or knew no better.
    func submitGivingBackOfSurplus(for response: StoredResponse) {
        services.pool.submit(in: queue) {
            self.giveBackSurplus()
            withExtendedLifetime(response) {}
        }
    }

    private func giveBack(_ reserved: ByteRangeSet, beside others: [WriterCore]) {
        guard !reserved.isEmpty else { return }
        var surplus = reserved
        for other in others { surplus.remove(other.window) }
        var size = Int64.max
        if !surplus.isEmpty, let file = fileToGiveBackTo(), let room = file.room {
            size = room.size
            free(surplus.intersection(0..<size.roundedUp(to: room.block)), of: file, room)
            // Beyond the end of the file everything goes at once: with the last writer.
            if others.isEmpty, let last = surplus.ranges.last, last.upperBound > size {
                file.giveBackBeyondEnd(at: size)
            }
        }
        let less = state.withLock { state in
            state.changeReserve { reserved in
                if others.isEmpty {
                    reserved = ByteRangeSet()
                } else {
                    reserved.subtract(surplus.intersection(0..<size))
                }
            }
        }
        services.quota.changeReserve(by: less)
    }

    private func giveBackSurplus() {
        let (isIdle, held) = state.withLock { state in
            (state.writers.isEmpty && state.end == nil && state.content == nil, state.held)
        }
        // Whoever writes gives back by itself.
        guard isIdle, let file = fileToGiveBackTo(), let room = file.room else { return }
        let needed = held.wholeBlocks(around: room.block)
        guard room.allocated - needed.byteCount > Self.slack else { return }
        free(ByteRangeSet([0..<room.size]), of: file, room)
        file.giveBackBeyondEnd(at: room.size)
    }

    /// nil where nothing can be given back.
    private func fileToGiveBackTo() -> BodyFile? {
        guard services.takesBlocksBack.load(ordering: .relaxed) else { return nil }
        let (known, isOver) = state.withLock { ($0.file, $0.isRemoved || $0.end != nil) }
        if let known { return known }
        // What has lost its name is freed with its last descriptor.
        guard !isOver, let file = try? BodyFile.open(id, in: services) else { return nil }
        remember(file)
        return file
    }

    /// Whole blocks of these ranges in which nothing is held, and nothing was that somebody may still be sending.
    private func free(_ surplus: ByteRangeSet, of file: BodyFile, _ room: BodyFile.Room) {
        let kept = state.withLock { state in
            var kept = state.held
            kept.formUnion(state.dropped)
            return kept
        }
        for range in surplus.wholeBlocks(around: room.block).ranges {
            for gap in kept.gaps(in: range) {
                let start = gap.lowerBound.roundedUp(to: room.block)
                let end = gap.upperBound / room.block * room.block
                guard start < end else { continue }
                let code = file.giveBack(start..<end)
                if code == EOPNOTSUPP || code == ENOSYS {
                    services.takesBlocksBack.store(false, ordering: .relaxed)
                    return
                }
                // Any other refusal leaves blocks allocated: the next start looks for them again.
            }
        }
    }
}

extension BodyState {
    /// Behind which offset a writer has no business: there the body ends, or its claim, or something is held already, or
    /// another one writes.
    fileprivate func endOfRoom(from offset: Int64, for writer: WriterCore, claimEnd: Int64?) -> Int64 {
        var end = completeLength ?? .max
        // One that went on beyond its claim is asked about it no more.
        if let claimEnd, claimEnd >= offset { end = min(end, claimEnd) }
        if let run = held.next(atOrAfter: offset) { end = min(end, max(offset, run.lowerBound)) }
        for other in writers where other !== writer && other.start >= offset { end = min(end, other.start) }
        return end
    }

    /// By how many bytes it grew.
    mutating func changeReserve(_ change: (inout ByteRangeSet) -> Void) -> Int64 {
        let before = reserved.byteCount
        change(&reserved)
        return reserved.byteCount - before
    }
}

extension ByteRangeSet {
    /// All of the blocks of this size that these offsets lie in.
    fileprivate func wholeBlocks(around block: Int64) -> ByteRangeSet {
        ByteRangeSet(ranges.map { $0.lowerBound / block * block..<$0.upperBound.roundedUp(to: block) })
    }
}

extension Int64 {
    /// The next multiple of a block, which is small.
    fileprivate func roundedUp(to block: Int64) -> Int64 { addingSaturated(block - 1) / block * block }
}
