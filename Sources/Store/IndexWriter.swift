// The one thread and the one connection that write the index (invariant 7). Round after round it commits what
// the mailbox gathered: soft claims without a flush, hard ones after `fdatasync` of the bodies (hardening 2.2
// item 3). Eviction and the expiry of what is superseded are its extension in Eviction.swift.

import CSQLite
import HTTPSemantics
import Resume
import Synchronization

/// Writes the index. Lives on its own thread.
final class IndexWriter {
    let database: Database
    let services: StoreServices
    let table: ResponseTable
    let totals: TotalsMirror

    /// Bodies with bytes that are written and not flushed, and when their flush is due.
    private var unflushed: [Int64: (response: StoredResponse, due: Int64)] = [:]
    private var flushing: Set<Int64> = []
    /// Something was committed without a flush of the write-ahead log since this instant, plus a second.
    private var hardDue: Int64?
    var housekeepingDue: Int64 = 0
    private var waitingBarriers: [IndexMailbox.Barrier] = []
    /// The index was found damaged: nothing is written any more, the next start sets it aside.
    private var isBroken = false
    /// The bytes of small bodies that wait for a transaction that succeeds; beyond this they are not stored.
    private static let pendingLimit = 16 << 20
    private static let hardInterval: Int64 = 900_000_000
    private static let hardBytes: Int64 = 32 << 20
    private static let retryInterval: Int64 = 1_000_000_000

    init(database: Database, services: StoreServices, table: ResponseTable, totals: TotalsMirror) {
        self.database = database
        self.services = services
        self.table = table
        self.totals = totals
    }

    /// The life of the thread.
    func run() {
        while true {
            let round = services.mailbox.next(until: nextDeadline)
            for writer in round.buffered { writer.tick() }
            perform(round)
            if round.isStopped { break }
        }
        try? database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
    }

    private var nextDeadline: Int64 {
        let flushDue = unflushed.filter { !flushing.contains($0.key) }.values.map(\.due).min()
        return [flushDue, hardDue, housekeepingDue].compactMap { $0 }.min() ?? housekeepingDue
    }

    private func perform(_ round: IndexMailbox.Round) {
        var round = round
        for response in round.condemned {
            if let deletion = table.discard(response) { round.removed.append(deletion) }
        }
        let flushed = settle(round.outcomes, &round)
        waitingBarriers += round.barriers
        let now = monotonicNanoseconds()
        let wantsHard = waitingBarriers.contains { $0.isHard }
        commit(round, flushed: flushed, isHard: !flushed.isEmpty || (hardDue ?? .max) <= now || wantsHard)
        startFlushes(all: wantsHard || round.isStopped)
        if !isBroken {
            for room in round.rooms { answer(room) }
            if housekeepingDue <= now { keepHouse(now: now) }
        } else {
            for room in round.rooms { room.answer.change { $0 = false } }
        }
        waitingBarriers.removeAll { barrier in
            guard !barrier.isHard || isBroken || (unflushed.isEmpty && flushing.isEmpty) else { return false }
            barrier.answer.change { $0 = true }
            return true
        }
    }

    // MARK: Flushes

    private func startFlushes(all: Bool) {
        let now = monotonicNanoseconds()
        for (id, entry) in unflushed where !flushing.contains(id) && (all || entry.due <= now) {
            if entry.response.body.beginFlush(for: entry.response) {
                flushing.insert(id)
            } else {
                unflushed[id] = nil
            }
        }
    }

    /// What came back from the flush threads. The responses whose pieces are flushed now.
    private func settle(_ outcomes: [FlushOutcome], _ round: inout IndexMailbox.Round) -> [StoredResponse] {
        var flushed: [StoredResponse] = []
        for outcome in outcomes {
            let response = outcome.response
            flushing.remove(response.id)
            unflushed[response.id] = nil
            if let error = outcome.error {
                // Item 5: never again; rows deleted, file unlinked, readers stop at the last flushed byte.
                response.body.flushFailed(error)
                services.health.failed(error)
                if let deletion = table.discard(response) { round.removed.append(deletion) }
            } else {
                response.body.flushSucceeded()
                services.health.succeeded()
                flushed.append(response)
            }
        }
        return flushed
    }

    // MARK: Transactions

    private func commit(_ round: IndexMailbox.Round, flushed: [StoredResponse], isHard: Bool) {
        var round = round
        var seen = Set(round.changed.map(\.id))
        for response in flushed where seen.insert(response.id).inserted { round.changed.append(response) }
        let isIdle =
            round.changed.isEmpty && round.removed.isEmpty && round.purged.isEmpty && round.guards.isEmpty
            && round.queue.isEmpty && round.origins.isEmpty && !(isHard && hardDue != nil)
        guard !isIdle else { return }
        guard !isBroken else {
            for response in round.changed { discardForGood(response) }
            return
        }
        let changes = round.changed.compactMap { $0.takeChange() }
        var tally = Tally()
        do {
            try transaction(isHard: isHard) {
                for change in changes { try write(change, &tally) }
                for (key, record) in round.guards { try write(record, key: key) }
                for change in round.queue { try write(change) }
                try write(round.origins)
                for key in round.purged { round.removed += try rows(of: key) }
                for deletion in round.removed { try delete(deletion, &tally) }
                try write(tally)
            }
        } catch {
            for change in changes { change.response.notClaimed(change) }
            failed(error, round, changes)
            return
        }
        hardDue = isHard ? nil : hardDue ?? (monotonicNanoseconds() + Self.hardInterval)
        count(tally)
        for change in changes { claimed(change) }
        finish(round.removed)
    }

    /// Runs statements as one transaction. A soft one is not flushed, a hard one is, with all before it.
    func transaction(isHard: Bool, _ body: () throws -> Void) throws {
        try database.execute(isHard ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
        try database.execute("BEGIN IMMEDIATE")
        do {
            try body()
            try database.execute("COMMIT")
        } catch {
            try? database.execute("ROLLBACK")
            throw error
        }
    }

    private func claimed(_ change: ResponseChange) {
        change.response.claimed(change)
        guard change.body.hasUnflushed else { return }
        let id = change.response.id
        let now = monotonicNanoseconds()
        var due = unflushed[id]?.due ?? (now + Self.hardInterval)
        if change.body.unflushedBytes >= Self.hardBytes { due = now }
        unflushed[id] = (change.response, due)
    }

    /// After the transaction.
    func count(_ tally: Tally) {
        totals.add(tally)
        services.quota.shrink(tally.unloadedBytes)
    }

    /// After the transaction: the rows are gone, now the files go.
    func finish(_ deletions: [Deletion]) {
        table.deleted(deletions)
        for deletion in deletions {
            unflushed[deletion.id] = nil
            services.descriptors.forget(deletion.id)
            let directory = services.directory
            services.pool.submit(in: deletion.body?.queue ?? DiskQueue()) {
                directory.unlink(BodyName.file(deletion.id))
            }
        }
    }

    private func failed(_ error: any Error, _ round: IndexMailbox.Round, _ changes: [ResponseChange]) {
        let failure = error as? DatabaseError
        let reason = failure?.message ?? "\(error)"
        if failure?.isCorruption == true {
            isBroken = true
            hardDue = nil
            unflushed = [:]
            housekeepingDue = .max
            services.health.turnOff("The index is damaged (\(reason)). The disk cache is off until the next start.")
            try? services.directory.touch(IndexSchema.damageMark)
            for response in table.everything { discardForGood(response) }
            return
        }
        services.health.failed(
            StoreError(failure?.isFull == true ? .full : .disk, "Writing the index failed: \(reason).")
        )
        if hardDue != nil { hardDue = monotonicNanoseconds() + Self.retryInterval }
        var round = round
        var pending = 0
        round.changed.removeAll { response in
            pending += changes.first { $0.response === response }?.body.content?.count ?? 0
            guard pending > Self.pendingLimit else { return false }
            discardForGood(response)
            return true
        }
        services.mailbox.putBack(round, notBefore: monotonicNanoseconds() + Self.retryInterval)
    }

    /// The index cannot be told: the file goes, and a row that is left is dropped at the next start.
    private func discardForGood(_ response: StoredResponse) {
        if let deletion = table.discard(response) { finish([deletion]) }
    }
}

/// The counts of the index, for whoever asks (`Store.summary`).
final class TotalsMirror: Sendable {
    private let entries: Atomic<Int64>
    private let unfinished: Atomic<Int64>

    init(_ totals: IndexSchema.Totals) {
        entries = Atomic(totals.entries)
        unfinished = Atomic(totals.unfinished)
    }

    var values: (entries: Int64, unfinished: Int64) {
        (entries.load(ordering: .relaxed), unfinished.load(ordering: .relaxed))
    }

    func add(_ tally: Tally) {
        entries.add(tally.entries, ordering: .relaxed)
        unfinished.add(tally.unfinished, ordering: .relaxed)
    }
}
