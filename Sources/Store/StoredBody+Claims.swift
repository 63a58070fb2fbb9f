// What a body has to tell the index, and the flush of its file (hardening 2.2 items 3 and 5): pieces are
// claimed after they were written, and marked flushed only after `fdatasync` has returned.

import Resume
import Synchronization

/// What the index is to learn of a body.
struct BodyChange: Sendable {
    /// The rows of segments; nil: the segment holds nothing any more.
    var segments: [(number: Int64, pieces: [UInt8]?, isFlushed: Bool)] = []
    /// The bytes held.
    var size: Int64
    var completeLength: Int64?
    /// The bytes of a complete small body.
    var content: [UInt8]?
    /// false where there is nothing yet that would be worth a row.
    var isWorthARow: Bool
    var hasUnflushed: Bool
    var unflushedBytes: Int64
}

/// How a flush ended.
struct FlushOutcome: Sendable {
    let response: StoredResponse
    let error: StoreError?
}

extension StoredBody {
    /// On the index thread: what changed since the last claim. Followed by `claimed` or `notClaimed`.
    func takeChange() -> BodyChange {
        state.withLock { state in
            let content = state.isInMemory && state.isComplete ? state.content : nil
            var change = BodyChange(
                size: state.content != nil && content == nil ? 0 : state.held.byteCount,
                completeLength: state.completeLength,
                content: content,
                isWorthARow: content != nil
                    || (state.content == nil && !(state.held.isEmpty && state.segments.isEmpty)),
                hasUnflushed: state.hasUnflushed,
                unflushedBytes: state.unflushedBytes
            )
            for number in state.dirtySegments {
                let segment = state.segments[number] ?? Segment()
                let pieces = segment.isEmpty ? nil : segment.encode(body: id, number: number)
                change.segments.append((number, pieces, segment.isFlushed))
            }
            state.claimedSegments.formUnion(state.dirtySegments)
            state.dirtySegments = []
            return change
        }
    }

    func claimed() {
        state.withLock { state in
            state.claimedSegments = []
            state.dropIdleSegments()
        }
    }

    func notClaimed() {
        state.withLock { state in
            state.dirtySegments.formUnion(state.claimedSegments)
            state.claimedSegments = []
        }
    }

    /// Starts a flush of what is written up to now; one at a time. false where there is nothing to do, or one is
    /// under way.
    func beginFlush(for response: StoredResponse) -> Bool {
        let begins = state.withLock { state in
            guard !state.isFlushing, !state.isRemoved, state.hasUnflushed else { return false }
            state.isFlushing = true
            state.unflushedBytes = 0
            for number in state.segments.keys { state.segments[number]?.beginFlush() }
            return true
        }
        guard begins else { return false }
        services.flushPool.submit {
            let error = self.flushFile()
            self.services.mailbox.flushed(FlushOutcome(response: response, error: error))
        }
        return true
    }

    /// On a flush thread.
    private func flushFile() -> StoreError? {
        let (known, needsDirectoryFlush) = state.withLock { ($0.file, $0.needsDirectoryFlush) }
        let file: BodyFile
        if let known {
            file = known
        } else {
            do throws(StoreError) {
                guard let opened = try BodyFile.open(id, in: services) else {
                    return StoreError(.gone, "A body's file has disappeared.")
                }
                file = opened
            } catch {
                return error
            }
        }
        let code = file.flush()
        if code != 0 { return StoreError.system("Flushing a body failed", errno: code) }
        guard needsDirectoryFlush else { return nil }
        // The first flush of a new file: its entry, and that of its directory, have to be on the disk too.
        for name in [BodyName.directory(id), "bodies"] {
            let code = services.directory.flushEntries(of: name)
            if code != 0 { return StoreError.system("Flushing a directory of bodies failed", errno: code) }
        }
        state.withLock { $0.needsDirectoryFlush = false }
        return nil
    }

    /// On the index thread: what was flushed may now be called so.
    func flushSucceeded() {
        let released = state.withLock { state in
            state.isFlushing = false
            for (number, segment) in state.segments where !segment.isFlushed {
                state.segments[number]?.endFlush(flushed: true)
                state.dirtySegments.insert(number)
            }
            return state.hasUnflushed ? nil : state.unflushedFile.take()
        }
        _ = consume released
    }

    /// On the index thread: a failed flush is never tried again (hardening 2.1). Only what was flushed before is
    /// held; whoever reads stops there.
    func flushFailed(_ error: StoreError) {
        let (bytes, released) = state.withLock { state in
            let before = state.held.byteCount
            state.isFlushing = false
            for (number, segment) in state.segments {
                let base = Segment.start(of: number)
                for piece in segment.pieces where piece.state != .flushed {
                    let lost = (base + Int64(piece.start))..<(base + Int64(piece.end))
                    state.held.remove(lost)
                    state.verified.remove(lost)
                    state.dropped.insert(lost)
                }
            }
            if state.end == nil || state.end?.kind == .gone { state.end = error }
            return (state.isRemoved ? 0 : before - state.held.byteCount, state.unflushedFile.take())
        }
        _ = consume released
        services.quota.shrink(bytes)
        fail(error)
    }
}
