// What is started, cut short and waited for: Resume's FillPlan, asked after every change, and its answer
// turned into work. Everything here runs under the lock; the work it returns is carried out after it.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Transport

extension VersionFills {
    func plan(_ state: inout State) -> Work {
        guard !state.hasEnded, !state.isHalted else { return [] }
        let held = body.held
        let completeLength = body.completeLength
        let limit = state.unprovenEnd ?? .max
        let wants = state.readers.filter { !$0.value.isRefused }.map { number, reader in
            Want(
                reader: number,
                position: reader.position,
                end: reader.end == nil && limit == .max ? nil : min(reader.end ?? .max, limit),
                readAhead: reader.readAhead
            )
        }
        let background =
            state.background == .finishing && !state.isClosed && !state.hasCredentials
            ? clip(state.asked, to: min(completeLength ?? .max, limit)) : ByteRangeSet()
        let mayResume = response.isResumable && state.ranges != .refused
        var fillPlan = self.fillPlan
        fillPlan.parallel = parallelLimit(&state)
        let actions = fillPlan.actions(
            held: held,
            claims: claims(state, held: held),
            wants: wants,
            background: background,
            completeLength: completeLength,
            mayStart: mayResume ? max(0, fillsAtOnce - state.fills.count) : 0
        )
        var work: Work = []
        for action in actions {
            switch action {
            case .start(let range, _, let overlap):
                let number = state.nextNumber
                state.nextNumber += 1
                // The reader that comes to this hole next; the finisher has none.
                let cause = state.readers.values
                    .filter {
                        !$0.isRefused && $0.position <= range.lowerBound && range.lowerBound < ($0.end ?? .max)
                    }
                    .max { $0.position < $1.position }
                let requester = cause?.requester ?? state.requester
                let fill = Fill(
                    number: number,
                    version: self,
                    requester: requester,
                    loop: cause?.loop ?? table.group.next()
                )
                state.fills[number] = Running(
                    fill: fill,
                    machine: FillStateMachine(range: range, probeBehind: fillPlan.probeBehind),
                    start: range.lowerBound,
                    written: range.lowerBound,
                    received: range.lowerBound,
                    isUnconfirmed: true
                )
                work.append { fill.start(overlap: overlap) }
            case .cut(let number, let offset):
                work += cut(&state, number, at: offset)
            }
        }
        return work + pace(&state)
    }

    /// What holds for every fill of this version.
    var fillPlan: FillPlan {
        let resume = table.configuration.resume
        return FillPlan(
            gapThreshold: resume.gapThreshold,
            overlapProbe: resume.overlapProbe,
            validatorIsByRule: response.validator?.isByRule == true
        )
    }

    func cut(_ state: inout State, _ number: Int, at offset: Int64) -> Work {
        guard var running = state.fills[number] else { return [] }
        let cut = running.machine.claimCut(at: offset)
        state.fills[number] = running
        let fill = running.fill
        return cut == .filled ? [{ fill.claimWasCut() }] : []
    }

    func claims(_ state: State, held: ByteRangeSet) -> [Claim] {
        state.fills.values.compactMap {
            $0.claim(held: held, mayBeCut: mayCut(state))
        }
    }

    /// As many as a download manager opens connections; readers beyond that wait for a fill to come by. Under an
    /// operator's rule one: two that meet would have nothing between them that could be compared (resume-rules 11).
    var fillsAtOnce: Int { response.validator?.isByRule == true ? 1 : 16 }

    private func mayCut(_ state: State) -> Bool {
        state.ranges == .proven && response.isResumable && response.validator?.isByRule != true
    }

    /// Whether the first missing byte from `position` on comes by no fill of its own, nor soon by one that is under way.
    func isFar(_ state: State, from position: Int64) -> Bool {
        // An origin that has no ranges would send the whole once more.
        guard !state.fills.isEmpty, state.ranges == .proven, !mayCut(state) else { return false }
        // Without any validator nobody could tell whether the two belong together.
        let fields = response.metadata.head.fields
        guard fields.contains(.etag) || fields.contains(.lastModified) || response.validator != nil else {
            return false
        }
        let held = body.held
        let missing = held.runEnd(from: position)
        let claims = self.claims(state, held: held)
        guard let claim = claims.first(where: { $0.offset <= missing && missing < ($0.end ?? .max) }) else {
            return !response.isResumable || state.fills.count >= fillsAtOnce
        }
        let patience = max(Self.leastPatience, claim.bytesPerSecond * fillPlan.patienceSeconds)
        return missing - claim.offset > patience
    }

    /// Bytes that are waited for, however slowly they come.
    private static let leastPatience: Int64 = 256 << 10

    func clip(_ ranges: ByteRangeSet, to completeLength: Int64?) -> ByteRangeSet {
        ranges.intersection(0..<(completeLength ?? .max))
    }

    /// Tells readers that lack a byte which no fill will bring.
    func dismissUncovered(_ state: inout State, only: Int? = nil, because: FillStop? = nil) -> Work {
        // One that is over, and still writes, is about to plan anew.
        guard because != nil || state.fills.values.allSatisfy(\.machine.isActive) else { return [] }
        let held = body.held
        let completeLength = min(body.completeLength ?? .max, state.unprovenEnd ?? .max)
        guard because != nil || !response.isResumable || state.fills.count < fillsAtOnce else { return [] }
        let claims = self.claims(state, held: held)
        var work: Work = []
        for (number, reader) in state.readers where only == nil || only == number {
            let end = min(reader.end ?? .max, completeLength)
            let missing = held.runEnd(from: reader.position)
            guard missing < end else { continue }
            let isCovered = claims.contains { $0.offset <= missing && missing < ($0.end ?? .max) }
            guard !isCovered else { continue }
            let failure = because ?? FillStop(.notResumable)
            let (loop, notify) = (reader.loop, reader.notify)
            work.append { loop.execute { notify(.failed(failure)) } }
        }
        return work
    }

    /// Readers that wait for an answer which will not come any more.
    func releaseUnanswered(_ state: State) -> Work {
        guard !state.awaitsAnswer else { return [] }
        return state.readers.values.filter { !$0.isConfirmed }.map { reader in
            let (loop, notify) = (reader.loop, reader.notify)
            return { loop.execute { notify(.unanswered) } }
        }
    }

    func notifyAll(_ state: State, _ notice: ReaderNotice) -> Work {
        state.readers.values.map { reader in
            let (loop, notify) = (reader.loop, reader.notify)
            return { loop.execute { notify(notice) } }
        }
    }
}
