// What an origin's ranges are worth (resume-rules 11, "Origin memory"): honoured, ignored or broken; which condition it
// honours; how many connections it tolerates; whether its bodies end where they said. It is learnt from its answers,
// used for the next request, and believed for a week. A value: where it is kept is the store's matter, the clock is an
// argument. It knows no URL and no version.

package import HTTPSemantics

/// What one answer of an origin says of it.
package enum OriginEvent: Equatable, Sendable {
    /// A 206 of the version that was asked for.
    case answered206(ResumeCondition)
    /// A 206 of another version: the condition was not looked at (resume-rules 5, row 3).
    case ifRangeIgnored(ResumeCondition)
    /// A 200 of the version that was asked for, or 412 though it had not changed (row 5).
    case ignoredRange(ResumeCondition)
    /// A 200 of another version, which is what the condition is for (row 6).
    case answeredNewVersion(ResumeCondition)
    /// 412, and the version had changed indeed.
    case preconditionFailed
    /// Row 4.
    case brokeRange(BrokenReason)
    /// The same validator over other bytes.
    case overlapDiffered
    /// RFC 9110 §14.3: Accept-Ranges, `bytes` or `none`.
    case announcedRanges(Bool)
    case showed(OriginCapabilities.Validators)
    /// So many fills at once, and all of them got their bytes.
    case toleratedConnections(Int)
    /// 429, or 503 beside other fills: so many were open.
    case tooManyConnections(Int)
    /// A body ended as if it were whole, and was not: the sentinel found more behind its end.
    case endedTooEarly
}

package struct OriginCapabilities: Equatable, Sendable {
    package enum Ranges: Equatable, Sendable {
        /// Accept-Ranges says so, and nothing was asked yet.
        case announced
        case honoured
        case ignored
        case broken(BrokenReason)
    }

    package enum Honour: Equatable, Sendable {
        /// A 206 came for a version that had not changed. An origin that ignores the condition does that too.
        case accepted
        /// And a changed version was told apart.
        case honoured
        /// The whole came, though nothing had changed.
        case refused
        /// A part of another version came.
        case ignored

        var isUsable: Bool { self == .accepted || self == .honoured }
    }

    /// The best validator that the origin was seen to send.
    package enum Validators: Equatable, Sendable {
        case strongTag
        case strongDate
        case weakOnly
        case absent
    }

    /// What was learnt, and when: seconds since 1970 UTC.
    package struct Finding<Value: Equatable & Sendable>: Equatable, Sendable {
        package var value: Value
        package var at: Int64
    }

    /// How long a finding is believed; after that the question is open again (resume-rules 11).
    package static let memorySeconds: Int64 = 7 * 86_400
    /// Repeated findings are written down once a day, not with every answer.
    static let refreshSeconds: Int64 = 86_400

    package internal(set) var ranges: Finding<Ranges>?
    package internal(set) var tag: Finding<Honour>?
    package internal(set) var date: Finding<Honour>?
    package internal(set) var match: Finding<Honour>?
    package internal(set) var validators: Finding<Validators>?
    /// The validator stood over other bytes: it is not believed without an overlap.
    package internal(set) var deceit: Finding<Bool>?
    /// So many connections were fine.
    package internal(set) var tolerated: Finding<Int>?
    /// More than so many were refused.
    package internal(set) var connectionLimit: Finding<Int>?
    /// How many bodies ended soundly and too early.
    package internal(set) var truncations: Finding<Int>?

    package init() {}

    // MARK: Learning

    /// Takes an answer in. True where it is worth writing down: a new finding, or one that is a day old.
    package mutating func learn(_ event: OriginEvent, at now: Int64) -> Bool {
        let before = self
        self = asOf(now)
        switch event {
        case .answered206(let condition):
            found(\.ranges, .honoured, now)
            found(condition, honour(condition) == .honoured ? .honoured : .accepted, now)
        case .ifRangeIgnored(let condition):
            found(\.ranges, .honoured, now)
            found(condition, .ignored, now)
        case .ignoredRange(.checkedAfterwards):
            found(\.ranges, .ignored, now)
        case .ignoredRange(let condition):
            // It may be the condition that it does not know: the next rung will tell (row 5).
            found(condition, .refused, now)
        case .answeredNewVersion(let condition):
            // An origin without ranges answers just so: only one that has given a part for an unchanged version has
            // told the two apart.
            if honour(condition) == .accepted { found(condition, .honoured, now) }
        case .preconditionFailed:
            if honour(.ifMatch) == .accepted { found(.ifMatch, .honoured, now) }
        case .brokeRange(let reason):
            found(\.ranges, .broken(reason), now)
        case .overlapDiffered:
            found(\.deceit, true, now)
        case .announcedRanges(true):
            // What was seen outranks what is announced.
            if ranges == nil { found(\.ranges, .announced, now) }
        case .announcedRanges(false):
            if ranges?.value != .honoured { found(\.ranges, .ignored, now) }
        case .showed(let kind):
            found(\.validators, kind, now)
        case .toleratedConnections(let count):
            guard count > 1 else { break }
            found(\.tolerated, max(tolerated?.value ?? 0, Self.counted(count)), now)
        case .tooManyConnections(let open):
            let limit = max(1, open / 2)
            found(\.connectionLimit, min(connectionLimit?.value ?? Int.max, Self.counted(limit)), now)
            if let known = tolerated, known.value > limit { tolerated = nil }
        case .endedTooEarly:
            found(\.truncations, Self.counted((truncations?.value ?? 0) + 1), now)
        }
        return self != before
    }

    private mutating func found<Value>(
        _ path: WritableKeyPath<Self, Finding<Value>?>,
        _ value: Value,
        _ now: Int64
    ) {
        if let known = self[keyPath: path], known.value == value, now - known.at < Self.refreshSeconds { return }
        self[keyPath: path] = Finding(value: value, at: now)
    }

    private mutating func found(_ condition: ResumeCondition, _ value: Honour, _ now: Int64) {
        switch condition {
        case .ifRangeTag: found(\.tag, value, now)
        case .ifRangeDate: found(\.date, value, now)
        case .ifMatch: found(\.match, value, now)
        case .checkedAfterwards: break
        }
    }

    /// Counts stand in one byte of the index.
    static func counted(_ count: Int) -> Int { min(max(0, count), 255) }

    // MARK: Forgetting

    /// What is still believed at this instant, seconds since 1970 UTC.
    package func asOf(_ now: Int64) -> OriginCapabilities {
        var rest = self
        if Self.isOver(ranges, now) { rest.ranges = nil }
        if Self.isOver(tag, now) { rest.tag = nil }
        if Self.isOver(date, now) { rest.date = nil }
        if Self.isOver(match, now) { rest.match = nil }
        if Self.isOver(validators, now) { rest.validators = nil }
        if Self.isOver(deceit, now) { rest.deceit = nil }
        if Self.isOver(tolerated, now) { rest.tolerated = nil }
        if Self.isOver(connectionLimit, now) { rest.connectionLimit = nil }
        if Self.isOver(truncations, now) { rest.truncations = nil }
        return rest
    }

    /// A finding from the future was made before the clock was set back: by how much, nobody knows.
    private static func isOver<Value>(_ finding: Finding<Value>?, _ now: Int64) -> Bool {
        guard let finding else { return false }
        let (age, overflow) = now.subtractingReportingOverflow(finding.at)
        return overflow || age >= memorySeconds || age < -refreshSeconds
    }

    /// Whether something that was known is to be found out again: a week has passed over it.
    package func isProbeDue(_ now: Int64) -> Bool { asOf(now) != self }

    /// The resource that is asked for announces ranges: what others of this origin did with a Range says nothing of it.
    package mutating func forgetRefusedRanges() {
        switch ranges?.value {
        case .ignored, .broken: ranges = nil
        case .announced, .honoured, nil: break
        }
    }

    // MARK: Asking

    func honour(_ condition: ResumeCondition) -> Honour? {
        switch condition {
        case .ifRangeTag: tag?.value
        case .ifRangeDate: date?.value
        case .ifMatch: match?.value
        case .checkedAfterwards: nil
        }
    }

    /// Whether a range is worth asking for. What is not known is tried: the answer tells.
    ///
    /// - Parameter version: of the origin's last answer; one of HTTP/1.0 has to have announced or proven its ranges
    ///   (resume-rules 4).
    package func mayResume(version: HTTPVersion, now: Int64) -> Bool {
        let known = asOf(now)
        return switch known.ranges?.value {
        case .announced, .honoured: true
        case .ignored, .broken: false
        case nil: version != .http10
        }
    }

    /// The condition to ask under: the first rung of resume-rules 5, row 5, that the origin has not failed on; nil where
    /// none is left, or no range is worth asking for.
    ///
    /// - Parameter dateOverride: the operator allows If-Range with a date beside an entity tag, which RFC 9110 §13.1.5
    ///   does not, for an origin that honours nothing else.
    package func condition(
        for validator: StrongValidator,
        version: HTTPVersion,
        dateOverride: Bool = false,
        now: Int64
    ) -> ResumeCondition? {
        let known = asOf(now)
        guard known.mayResume(version: version, now: now) else { return nil }
        let rungs: [ResumeCondition]
        switch validator {
        case .etag:
            rungs =
                dateOverride
                ? [.ifRangeTag, .ifMatch, .ifRangeDate, .checkedAfterwards]
                : [.ifRangeTag, .ifMatch, .checkedAfterwards]
        case .lastModified: rungs = [.ifRangeDate, .checkedAfterwards]
        // Resume-rules 11: there is nothing that a condition could name.
        case .immutable: rungs = [.checkedAfterwards]
        }
        return rungs.first { known.honour($0)?.isUsable ?? true }
    }

    /// How many held bytes are asked for again and compared: none where the condition is known to be honoured
    /// (resume-rules 4), else as many as is usual.
    package func overlap(under condition: ResumeCondition, usual: Int64, now: Int64) -> Int64 {
        let known = asOf(now)
        return known.honour(condition) == .honoured && known.deceit == nil ? 0 : usual
    }

    /// At most so many fills at once, of as many as are wished for; 1 where ranges are not proven.
    package func parallelLimit(wished: Int, now: Int64) -> Int {
        let known = asOf(now)
        guard known.ranges?.value == .honoured else { return 1 }
        return max(1, min(wished, known.connectionLimit?.value ?? wished))
    }

    /// With so many of them it begins: as many as were fine before, or two.
    package func parallelStart(wished: Int, now: Int64) -> Int {
        min(parallelLimit(wished: wished, now: now), max(2, asOf(now).tolerated?.value ?? 2))
    }

    /// Whether a body that ends only with its connection has to be confirmed even where its length seemed to be known:
    /// this origin has broken bodies off.
    package func truncates(now: Int64) -> Bool { (asOf(now).truncations?.value ?? 0) > 0 }
}
