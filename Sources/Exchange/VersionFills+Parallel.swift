// Faster than one connection: how many fills share a large body now (`parallel` of a rule, `resume.parallel`). The number is
// ParallelFills' judgement, once a second while they run; where the body is cut is FillPlan's.

import Configuration
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport

extension VersionFills {
    /// Under the lock, before the plan: at most so many.
    func parallelLimit(_ state: inout State) -> Int {
        let uri = state.requester.uri
        let wished = table.parallel(for: uri, response: response.metadata.head)
        guard wished > 1, state.ranges == .proven else { return 1 }
        let capabilities = table.origins.capabilities(of: uri)
        let now = Clock.unixSeconds()
        if state.parallelFills == nil {
            state.parallelFills = ParallelFills(
                wished: wished,
                // Where nothing is remembered of origins, this version has shown its ranges.
                start: max(2, capabilities.parallelStart(wished: wished, now: now)),
                startedAt: Clock.monotonicNanoseconds()
            )
        }
        let tolerated = capabilities.connectionLimit?.value ?? wished
        return max(1, min(state.parallelFills?.limit ?? 1, tolerated))
    }

    /// Under the lock, after the plan: as long as several fills may run, their number is looked at.
    func pace(_ state: inout State) -> Work {
        guard state.parallelFills != nil, !state.isPacing, !state.fills.isEmpty else { return [] }
        state.isPacing = true
        let loop = table.group.next()
        return [{ loop.scheduleTask(in: .seconds(1)) { [weak self] in self?.paceIsDue() } }]
    }

    private func paceIsDue() {
        let (work, event, uri) = state.withLock { state -> (Work, OriginEvent?, AbsoluteURI) in
            state.isPacing = false
            let receiving = state.fills.values.filter { $0.machine.hasConnection && !$0.isUnconfirmed }
            let event = state.parallelFills?.observed(
                open: receiving.count,
                bytesPerSecond: receiving.reduce(0) { $0 + $1.bytesPerSecond },
                at: Clock.monotonicNanoseconds()
            )
            return (plan(&state), event, state.requester.uri)
        }
        work.forEach { $0() }
        if let event { table.origins.learn(event, of: uri) }
    }

    /// This fill was refused before anything of it came. Where the one before it was cut for it, and still receives, that
    /// one brings it after all; who waits for bytes from there hears why, and asks by itself. Whether it does.
    func returnsClaim(_ number: Int, because stop: FillStop) -> Bool {
        let work = state.withLock { state -> Work? in
            guard let refused = state.fills[number], let extent = refused.machine.extent,
                refused.received <= refused.start, extent.offset == refused.start
            else { return nil }
            let before = state.fills.first { other, running in
                other != number && running.machine.extent?.end == extent.start && running.machine.hasConnection
            }
            guard let (other, running) = before else { return nil }
            var machine = running.machine
            guard machine.claimReturned(upTo: extent.end) else { return nil }
            state.fills[other]?.machine = machine
            state.fills[number]?.isGivenBack = true
            // One connection, from now on: what was refused once is refused again.
            _ = state.parallelFills?.refused(open: 2, at: Clock.monotonicNanoseconds())
            let held = body.held
            var work: Work = []
            for (reader, waiting) in state.readers {
                let missing = held.runEnd(from: waiting.position)
                guard extent.start <= missing, missing < extent.end ?? .max else { continue }
                state.readers[reader]?.isRefused = true
                let (loop, notify) = (waiting.loop, waiting.notify)
                work.append { loop.execute { notify(.failed(stop)) } }
            }
            return work
        }
        work?.forEach { $0() }
        return work != nil
    }

    /// 429, or 503, while others are open: there will be fewer. Whether this fill gives back what it claims: where the
    /// others bring what is waited for, it is asked for when one of them is done.
    func isCrowded(_ number: Int) -> Bool {
        state.withLock { state in
            let open = state.fills.values.count { $0.machine.hasConnection }
            guard open > 1, state.parallelFills != nil, let running = state.fills[number] else { return false }
            _ = state.parallelFills?.refused(open: open, at: Clock.monotonicNanoseconds())
            let held = body.held
            guard let claim = running.claim(held: held, mayBeCut: false) else { return false }
            let isAwaited = state.readers.values.contains { reader in
                let missing = held.runEnd(from: reader.position)
                return claim.offset <= missing && missing < (claim.end ?? .max)
            }
            guard !isAwaited else { return false }
            // What was read ahead would be asked for again at once.
            for reader in state.readers.keys { state.readers[reader]?.readAhead = 0 }
            state.fills[number]?.isGivenBack = true
            return true
        }
    }
}

extension FillTable {
    func parallel(for uri: AbsoluteURI, response: ResponseHead) -> Int {
        rules.match(uri, contentType: response.fields.combined(.contentType))?.rule.parallel
            ?? configuration.resume.parallel
    }
}
