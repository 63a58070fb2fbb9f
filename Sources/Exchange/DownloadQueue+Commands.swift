// What a person does with the queue: look, pause, resume, cancel, put in another order.

import HTTPSemantics
import Resume
import Store
import Synchronization

extension DownloadQueue {
    // MARK: Looking

    /// The downloads in their order; nil for all. Those that are named and not there are left out.
    func items(_ ids: [Int64]?) -> [DownloadItem] {
        let wanted = ids.map { Set($0) }
        let entries = state.withLock { state in
            state.ordered.filter { wanted?.contains($0.download.id) ?? true }
        }
        let reports = Dictionary(self.reports.map { ($0.id, $0) }) { first, _ in first }
        return entries.map { entry in
            // Of what has not begun nobody looks anything up: there may be thousands.
            let response = entry.download.state == .queued ? nil : self.response(of: entry)
            let report = response.flatMap { reports[$0.id] }
            let download = entry.download
            return DownloadItem(
                id: download.id,
                url: download.url,
                target: download.target == download.url ? nil : download.target,
                state: download.state.word,
                added: download.added,
                changed: download.changed,
                sha256: download.sha256.isEmpty ? nil : download.sha256,
                reason: download.reason.isEmpty ? nil : download.reason,
                retryAt: entry.retryTime,
                version: response?.id,
                held: response.map { HeldPart($0.body.held, completeLength: $0.body.completeLength) },
                bytesPerSecond: report?.fills.reduce(0) { $0 &+ $1.bytesPerSecond } ?? 0,
                activity: entry.isVerifying ? "verifying" : report?.fills.first?.state
            )
        }
    }

    /// What is held of it: the version that it was completed as, else the newest one of where it leads.
    func response(of entry: Entry) -> StoredResponse? {
        let download = entry.download
        guard case .success(let uri) = AbsoluteURI.parse(entry.run?.target ?? download.target) else { return nil }
        let found = store.findBlocking(key(of: uri))
        if download.state == .done { return found.first { $0.id == download.version } }
        return found.first { $0.metadata.head.status == 200 }
    }

    /// The stored response of a download that is complete, or why there is none.
    func content(_ id: Int64) -> Result<StoredResponse, CommandRefusal> {
        guard let entry = state.withLock({ $0.entry(id) }) else { return .failure(.unknown(id)) }
        guard entry.download.state == .done else {
            return .failure(CommandRefusal("The download \(id) is \(entry.download.state.word), not done."))
        }
        guard let response = response(of: entry) else {
            return .failure(
                CommandRefusal("What download \(id) brought is no longer held: fetch it again.")
            )
        }
        return .success(response)
    }

    // MARK: Changing

    func carryOut(_ order: DownloadOrder) -> CommandRefusal? {
        let refusal: CommandRefusal? =
            switch order {
            case .pause(let id): pause(id)
            case .resume(let id): resume(id)
            case .cancel(let id): cancel(id)
            case .move(let id, let place): move(id, to: place)
            case .forget(let id): forgetOver(id)
            }
        proceed()
        return refusal
    }

    private func pause(_ id: Int64) -> CommandRefusal? {
        interrupt(id, as: .paused) { state in
            switch state {
            case .queued, .running, .waiting: nil
            case .paused: CommandRefusal("The download \(id) is paused already.")
            case .done, .failed, .cancelled: CommandRefusal("The download \(id) is \(state.word).")
            }
        }
    }

    private func cancel(_ id: Int64) -> CommandRefusal? {
        interrupt(id, as: .cancelled) { state in
            state.isOver ? CommandRefusal("The download \(id) is \(state.word).") : nil
        }
    }

    /// What is held of it stays held (resume-rules 6).
    private func interrupt(
        _ id: Int64,
        as next: QueuedDownload.State,
        _ refusal: (QueuedDownload.State) -> CommandRefusal?
    ) -> CommandRefusal? {
        let (run, refusal) = state.withLock { state -> (DownloadRun?, CommandRefusal?) in
            guard let index = state.index(of: id) else { return (nil, .unknown(id)) }
            if let refusal = refusal(state.entries[index].download.state) { return (nil, refusal) }
            let run = state.entries[index].run
            if let run { state.entries[index].download.target = run.target }
            state.entries[index].run = nil
            state.entries[index].isVerifying = false
            change(&state, index, to: next, "")
            return (run, nil)
        }
        run?.stop()
        return refusal
    }

    /// It is queued again, also after its end; what is waited for is tried now.
    private func resume(_ id: Int64) -> CommandRefusal? {
        state.withLock { state in
            guard let index = state.index(of: id) else { return .unknown(id) }
            switch state.entries[index].download.state {
            case .queued, .running:
                return CommandRefusal("The download \(id) is \(state.entries[index].download.state.word) already.")
            case .done:
                return CommandRefusal("The download \(id) is done.")
            case .paused, .waiting, .failed, .cancelled:
                state.entries[index].retry = nil
                change(&state, index, to: .queued, "")
                return nil
            }
        }
    }

    private func forgetOver(_ id: Int64) -> CommandRefusal? {
        state.withLock { state in
            guard let entry = state.entry(id) else { return .unknown(id) }
            guard entry.download.state.isOver else {
                return CommandRefusal("The download \(id) is \(entry.download.state.word): cancel it first.")
            }
            forget(&state, id)
            return nil
        }
    }

    /// - Parameter place: 1 is the first of those that are not over.
    private func move(_ id: Int64, to place: Int) -> CommandRefusal? {
        state.withLock { state in
            guard let entry = state.entry(id) else { return .unknown(id) }
            guard !entry.download.state.isOver else {
                return CommandRefusal("The download \(id) is \(entry.download.state.word).")
            }
            var order = state.ordered.filter { !$0.download.state.isOver && $0.download.id != id }.map(\.download.id)
            order.insert(id, at: min(max(0, place - 1), order.count))
            for (position, id) in order.enumerated() {
                guard let index = state.index(of: id) else { continue }
                guard state.entries[index].download.position != Int64(position + 1) else { continue }
                state.entries[index].download.position = Int64(position + 1)
                store.put(state.entries[index].download)
            }
            state.entries = state.ordered
            return nil
        }
    }
}

extension DownloadQueue.State {
    /// What is over comes first, by when it ended; then the others in the order in which they are begun.
    var ordered: [DownloadQueue.Entry] {
        let over = entries.filter { $0.download.state.isOver }.sorted {
            ($0.download.changed, $0.download.id) < ($1.download.changed, $1.download.id)
        }
        let others = entries.filter { !$0.download.state.isOver }.sorted {
            ($0.download.position, $0.download.id) < ($1.download.position, $1.download.id)
        }
        return over + others
    }
}

extension CommandRefusal {
    fileprivate static func unknown(_ id: Int64) -> CommandRefusal { CommandRefusal("There is no download \(id).") }
}
