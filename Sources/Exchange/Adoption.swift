// A file that curl, wget, aria2 or a browser left unfinished is made a stored response (`holdfast adopt`), after parts
// of it were asked for again and found equal. Its bytes come in by fills like those from an origin, so that a client who
// asks meanwhile gets each byte once (invariant 6). Blocking: it lives on the thread of a command, never on a loop.

import Configuration
import Glibc
import HTTPSemantics
import NIOCore
import Resume
import Store
import Synchronization
import Transport
import Wire

struct Adoption {
    let table: FillTable
    let path: String
    let uri: AbsoluteURI

    /// What the origin has said about the version that the file is a part of.
    struct Proven {
        let probe: OriginProbe
        let answer: OriginCall.Answer
        let validator: StrongValidator?
        let completeLength: Int64
    }

    // MARK: The steps

    /// - Parameter report: bytes that were taken over, of so many; false ends it.
    func adopt(_ report: (Int64, Int64) -> Bool) throws(CommandRefusal) -> AdoptedAnswer {
        let file = try AdoptedFile(path: path)
        guard let plan = AdoptionPlan(held: file.held) else {
            throw CommandRefusal(
                "\(path) holds no \(AdoptionPlan.probe) bytes in a row, which are the least to compare: fetch the URL."
            )
        }
        let proven = try prove(file, plan)
        try refuseWhereHeld(proven, plan)
        let response = try take(file, plan, proven, report)
        try file.checkUnchanged { table.store.remove(response) }
        supersedeLesser(than: response)
        return AdoptedAnswer(
            url: uri.description,
            target: proven.probe.uri == uri ? nil : proven.probe.uri.description,
            version: response.id,
            held: HeldPart(response.body.held, completeLength: response.body.completeLength)
        )
    }

    /// Each probe is asked for and compared; all answers must be of one version.
    private func prove(_ file: AdoptedFile, _ plan: AdoptionPlan) throws(CommandRefusal) -> Proven {
        var probe = OriginProbe(table: table, uri: uri)
        var proven: Proven?
        for range in plan.probes {
            let (answer, bytes) = try probe.askPart(range)
            let policy = table.policy(for: probe.uri, response: answer.head)
            let validator = StrongValidator.of(
                answer.head.fields,
                receivedAt: answer.responseTime,
                isImmutable: policy.isImmutable
            )
            let length: Int64? = if case .length(let length) = answer.framing { length } else { nil }
            let partial = ContinuationCheck.firstPartial(
                asked: .fromTo(first: range.lowerBound, last: range.upperBound - 1),
                response: answer.head,
                contentLength: length
            )
            guard let partial, partial.span == range, Int64(bytes.count) == range.upperBound - range.lowerBound else {
                throw CommandRefusal("The origin did not answer the range \(Self.text(range)) with what it names.")
            }
            if let refusal = plan.judge(completeLength: partial.completeLength, validator: validator) {
                throw CommandRefusal(refusal.sentence)
            }
            guard let completeLength = partial.completeLength else { continue }
            if let said = file.completeLength, said != completeLength {
                throw CommandRefusal("The origin's has \(completeLength) bytes, not \(said) as aria2 noted.")
            }
            if let proven, proven.validator != validator || proven.completeLength != completeLength {
                throw CommandRefusal("The origin answered with different versions. Try again.")
            }
            guard try file.read(range) == bytes else {
                throw CommandRefusal("The file is no part of what the origin has now: \(Self.text(range)) differ.")
            }
            if proven == nil {
                if let reason = Storability.judge(request: probe.request, response: answer.head, policy: policy) {
                    throw CommandRefusal("It may not be stored. \(reason.sentence)")
                }
                proven = Proven(probe: probe, answer: answer, validator: validator, completeLength: completeLength)
            }
        }
        guard let proven else { throw CommandRefusal("The origin does not say how long it is.") }
        return proven
    }

    private func refuseWhereHeld(_ proven: Proven, _ plan: AdoptionPlan) throws(CommandRefusal) {
        guard proven.completeLength <= table.configuration.cache.maxObjectSize else {
            throw CommandRefusal("It is larger than cache.max_object_size.")
        }
        guard table.store.mayStore(completeLength: proven.completeLength) else {
            throw CommandRefusal("There is no room for it on the disk, or in cache.max_size.")
        }
        let bytes = plan.runs.reduce(Int64(0)) { $0 + ($1.upperBound - $1.lowerBound) }
        for stored in table.store.findBlocking(proven.probe.key) where stored.validator == proven.validator {
            if stored.body.isComplete { throw CommandRefusal("All of it is held already.") }
            if stored.body.held.byteCount >= bytes { throw CommandRefusal("As much of it is held already.") }
            if table.liveFills(of: stored) != nil {
                throw CommandRefusal("It is being downloaded just now: pause that first (holdfast downloads).")
            }
        }
    }

    private func supersedeLesser(than response: StoredResponse) {
        for older in table.store.findBlocking(response.key)
        where older.id < response.id && older.requestFields == response.requestFields && !older.body.isComplete {
            table.store.supersede(older)
        }
    }

    static func text(_ range: Range<Int64>) -> String { "bytes \(range.lowerBound)-\(range.upperBound - 1)" }

    // MARK: Taking over

    private func take(
        _ file: AdoptedFile,
        _ plan: AdoptionPlan,
        _ proven: Proven,
        _ report: (Int64, Int64) -> Bool
    ) throws(CommandRefusal) -> StoredResponse {
        let (probe, answer) = (proven.probe, proven.answer)
        let response = table.store.create(
            NewStoredResponse(
                key: probe.key,
                requestFields: Vary.select(
                    Vary.nominated(answer.head.fields) ?? [],
                    from: probe.request.fields
                ),
                head: StoredAnswerHead.storing(
                    answer.head,
                    pseudonym: table.pseudonym,
                    receivedAt: answer.responseTime,
                    policy: table.policy(for: probe.uri, response: answer.head)
                ),
                requestTime: answer.requestTime,
                responseTime: answer.responseTime,
                validator: proven.validator,
                completeLength: proven.completeLength,
                originAddress: answer.address?.text ?? "",
                expectsSmallBody: false
            )
        )
        let version = VersionFills(
            response: response,
            uri: probe.uri,
            template: RequestTemplate.of(probe.forwardable),
            hasProvenRanges: true,
            table: table
        )
        let feed = AdoptedFeed(version: version, runs: plan.runs, loop: table.group.next())
        do throws(CommandRefusal) {
            table.shard(response.key).state.withLock { $0.versions[response.id] = version }
            try feed.run(file, report)
            table.store.settle()
            let held = response.body.held
            // What a client waited for may be on its way from the origin instead.
            guard plan.runs.allSatisfy({ held.contains($0) }) || table.liveFills(of: response) != nil else {
                throw CommandRefusal("Its bytes could not be stored; holdfast's log says why.")
            }
        } catch {
            version.stop()
            table.store.remove(response)
            throw error
        }
        return response
    }
}
