// Bytes into a body: first into memory while it may turn out small, else into its file, then into the pieces
// that the index will claim (hardening 2.2 items 2, 3, 6). Only bytes that are not held are written
// (invariant 1: a byte that may be read never changes).

import Resume
import Synchronization

extension StoredBody {
    // MARK: Small bodies

    enum SmallAnswer {
        case taken
        /// The body is, or becomes, a file.
        case notSmall
        case failed(StoreError)
    }

    /// Takes bytes into memory where the body may still turn out small, and starts the way to a file where not.
    func takeSmall(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> SmallAnswer {
        let limit = Int64(services.configuration.smallBody)
        var wakes: [Wake] = []
        let (answer, spills) = state.withLock { state -> (SmallAnswer, Bool) in
            if let end = state.end { return (.failed(end), false) }
            guard case .memory(var content) = state.storage else { return (.notSmall, false) }
            let end = offset.addingSaturated(Int64(bytes.count))
            if offset == Int64(content.count), end <= limit, end <= state.completeLength ?? limit {
                // The array is taken out of the state while it grows, else it would be copied each time.
                state.storage = .file
                content.append(contentsOf: bytes)
                state.storage = .memory(content)
                state.held.insert(offset..<end)
                state.verified.insert(offset..<end)
                wakes = state.takeWakes(grown: offset..<end)
                return (.taken, false)
            }
            return (.notSmall, state.beginSpill())
        }
        if spills { submitSpill() }
        if case .taken = answer {
            services.quota.grow(Int64(bytes.count))
            if isComplete { noteChange(bytes: 0) }
        }
        for wake in wakes { wake() }
        return answer
    }

    func submitSpill() {
        services.pool.submit(in: queue) { self.spill() }
    }

    /// On a disk thread: a body that is not small, or was cut short, moves to a file.
    func spill() {
        let content = state.withLock { state -> [UInt8]? in
            guard case .spilling(let content) = state.storage, state.end == nil else { return nil }
            return content
        }
        guard let content else { return }
        do throws(StoreError) {
            let result = content.withUnsafeBytes { bytes -> Result<Void, StoreError> in
                Result { () throws(StoreError) in try place(bytes, at: 0, wanted: [0..<Int64(bytes.count)]) }
            }
            try result.get()
            state.withLock { $0.storage = .file }
        } catch {
            fail(error)
        }
    }

    // MARK: Files

    /// On a disk thread: writes what of these bytes is not held yet.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(StoreError) {
        let wanted = try state.withLock { state throws(StoreError) -> [Range<Int64>] in
            if let end = state.end { throw end }
            var range = offset..<offset.addingSaturated(Int64(bytes.count))
            if let completeLength = state.completeLength { range = range.clamped(to: 0..<completeLength) }
            let gaps = range.isEmpty ? [] : state.held.gaps(in: range)
            guard state.mayHold(gaps) else { throw Self.tooScattered }
            return gaps
        }
        guard let last = wanted.last else { return }
        guard last.upperBound <= services.quota.largestBody else { throw Self.tooLarge }
        try place(bytes, at: offset, wanted: wanted)
        services.quota.grow(wanted.reduce(0) { $0 + Int64($1.count) })
    }

    /// R57.
    static let tooLarge = StoreError(.tooLarge, "The body is larger than 90 % of cache.max_size.")

    /// Hardening 2.2 item 2. What would be one extent too many passes unstored.
    private static let tooScattered = StoreError(.full, "The body is held in too many separate ranges.")

    /// Writes these parts of the bytes, then notes their pieces. In this order: a piece exists once it is written.
    private func place(
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int64,
        wanted: [Range<Int64>]
    ) throws(StoreError) {
        let file = try openForWriting()
        guard let first = wanted.first, let last = wanted.last else { return }
        let numbers = Segment.number(of: first.lowerBound)...Segment.number(of: last.upperBound - 1)
        try pin(numbers)
        defer { unpin() }
        var pieces: [(number: Int64, piece: Piece)] = []
        for range in wanted {
            let part = UnsafeRawBufferPointer(
                rebasing: bytes[Int(range.lowerBound - offset)..<Int(range.upperBound - offset)]
            )
            try file.write(part, at: range.lowerBound)
            pieces += Self.pieces(of: part, at: range.lowerBound)
        }
        let (wakes, filled) = try state.withLock { state throws(StoreError) -> ([Wake], Int64) in
            if let end = state.end { throw end }
            state.unflushedFile = file
            for (number, piece) in pieces {
                state.segments[number, default: Segment()].insert(piece)
                state.dirtySegments.insert(number)
            }
            var wakes: [Wake] = []
            let filled = state.changeReserve { reserved in for range in wanted { reserved.remove(range) } }
            for range in wanted {
                state.held.insert(range)
                state.verified.insert(range)
                state.unflushedBytes += Int64(range.count)
                wakes += state.takeWakes(grown: range)
            }
            return (wakes, filled)
        }
        services.quota.changeReserve(by: filled)
        noteChange(bytes: wanted.reduce(0) { $0 + Int64($1.count) })
        for wake in wakes { wake() }
    }

    /// The bytes cut at the grid of 64 KiB, with their checksums.
    private static func pieces(
        of bytes: UnsafeRawBufferPointer,
        at offset: Int64
    ) -> [(number: Int64, piece: Piece)] {
        var found: [(number: Int64, piece: Piece)] = []
        var next = 0
        while next < bytes.count {
            let position = offset + Int64(next)
            let number = Segment.number(of: position)
            let start = Int(position - Segment.start(of: number))
            let length = min(bytes.count - next, Segment.cell - start % Segment.cell)
            let checksum = Checksum.of(UnsafeRawBufferPointer(rebasing: bytes[next..<next + length]))
            found.append((number, Piece(start: start, length: length, checksum: checksum, state: .written)))
            next += length
        }
        return found
    }

    /// The file, made where the body has none yet.
    func openForWriting() throws(StoreError) -> BodyFile {
        let (known, isNew) = state.withLock { state -> (BodyFile?, Bool) in
            let isNew: Bool
            switch state.storage {
            case .file: isNew = state.held.isEmpty && !state.needsDirectoryFlush && state.segments.isEmpty
            case .memory, .spilling: isNew = !state.needsDirectoryFlush
            }
            return (state.file, isNew)
        }
        if let known { return known }
        // A body that holds nothing may have a file from an earlier attempt.
        if let file = try BodyFile.open(id, in: services) {
            remember(file)
            return file
        }
        guard isNew else { throw lose() }
        let file = try BodyFile.create(id, in: services)
        state.withLock { $0.needsDirectoryFlush = true }
        remember(file)
        return file
    }

    func remember(_ file: BodyFile) {
        state.withLock { $0.file = file }
        services.descriptors.keep(file, for: id)
    }

    /// The segments that a job is going to change come into memory, where they are in the index, and stay.
    func pin(_ numbers: ClosedRange<Int64>) throws(StoreError) {
        let absent = state.withLock { state in
            state.pinnedSegments.formUnion(numbers)
            return numbers.filter { number in
                let start = Segment.start(of: number)
                return state.segments[number] == nil
                    && state.held.next(atOrAfter: start).map { $0.lowerBound < start + Segment.size } ?? false
                    && !state.isInMemory
            }
        }
        for number in absent {
            let segment = try loadSegment(number)
            state.withLock { state in
                if state.segments[number] == nil { state.segments[number] = segment }
            }
        }
    }

    func unpin() {
        state.withLock { state in
            state.pinnedSegments = []
            state.dropIdleSegments()
        }
    }

    /// One segment as the index has it.
    func loadSegment(_ number: Int64) throws(StoreError) -> Segment {
        do {
            return try services.connections.read { database in
                var segment: Segment?
                try database.query(
                    "SELECT pieces FROM segment WHERE body = ? AND number = ?",
                    [.integer(self.id), .integer(number)]
                ) { row in
                    segment = Segment(decoding: row.blob(0), body: self.id, number: number)
                    return false
                }
                // Asked after the index: a row is kept before it is deleted.
                return segment ?? self.keptSegment(number) ?? Segment()
            }
        } catch {
            throw StoreError(.disk, "The index could not be read: \(error)")
        }
    }

    private func keptSegment(_ number: Int64) -> Segment? {
        state.withLock { $0.keptRows[number] }.flatMap { Segment(decoding: $0, body: id, number: number) }
    }

    /// On the index thread, before the rows of a removed body are deleted: whoever reads it needs them to prove
    /// what it has not read yet.
    var needsItsRows: Bool {
        state.withLock { !$0.readers.isEmpty && $0.content == nil && $0.verified != $0.held }
    }

    func keepRow(_ number: Int64, _ pieces: [UInt8]) { state.withLock { $0.keptRows[number] = pieces } }

    // MARK: Failure

    /// The file is not there any more: nothing is held. The error is for whoever wanted it.
    func lose() -> StoreError {
        let error = StoreError(.gone, "The body's file has disappeared.")
        fail(error)
        if let response = state.withLock({ $0.response }) { services.mailbox.condemned(response) }
        return error
    }

    /// Nothing more is written, and nothing more comes for readers beyond what they may read.
    func fail(_ error: StoreError) {
        let wakes = state.withLock { state in
            if state.end == nil { state.end = error }
            return state.takeAllWakes()
        }
        for wake in wakes { wake() }
    }
}

extension BodyState {
    /// Hardening 2.2 item 2.
    private static let mostExtents = 4096

    /// false where these bytes would be a further extent of a body that has too many already.
    func mayHold(_ gaps: [Range<Int64>]) -> Bool {
        guard held.ranges.count >= Self.mostExtents else { return true }
        return gaps.allSatisfy { held.contains($0.lowerBound - 1) || held.contains($0.upperBound) }
    }

    /// true where the way to a file has to be submitted.
    mutating func beginSpill() -> Bool {
        guard case .memory(let content) = storage else { return false }
        if content.isEmpty {
            storage = .file
            return false
        }
        storage = .spilling(content)
        return true
    }

    /// Segments that the index knows as they are, and that no job needs, leave the memory.
    mutating func dropIdleSegments() {
        for (number, segment) in segments
        where segment.isFlushed && !dirtySegments.contains(number) && !pinnedSegments.contains(number)
            && !claimedSegments.contains(number)
        {
            segments[number] = nil
        }
    }
}
