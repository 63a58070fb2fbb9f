// What a rule says of the finishing of a download that its last client left, in the place of the directives of the same
// names below [resume] (resume-rules 6). What follows from it is Resume's decision.

package struct FinishConditions: Sendable, Equatable {
    package var onDisconnect: Configuration.OnDisconnect?
    /// Bytes.
    package var below: Int64?
    /// 0 to 1.
    package var share: Double?
    /// Seconds.
    package var eta: Int64?
    /// 0 to 1.
    package var shareUnresumable: Double?
    package var validator: Configuration.FinishValidator?
    /// Bytes.
    package var maxSize: Int64?
    package var between: HoursOfDay?
    /// Seconds.
    package var maxTime: Int64?

    package init() {}

    /// Each as it was written, and in words.
    func sentences(_ add: (_ setting: String, _ meaning: String) -> Void) {
        func sets(_ name: String, _ value: String?) {
            if let value { add("\(name) = \(value)", "in the place of resume.\(name)") }
        }
        func seconds(_ count: Int64?) -> String? {
            // In bounds: it was read from at most 100 years.
            count.map {
                Directive.quoted(DurationText.format(nanoseconds: $0 &* DurationText.nanosecondsPerSecond))
            }
        }
        sets("on_disconnect", onDisconnect.map { Directive.quoted($0.rawValue) })
        sets("finish_below", below.map { Directive.quoted(SizeText.format($0)) })
        sets("finish_share", share.map { "\($0)" })
        sets("finish_eta", seconds(eta))
        sets("finish_share_unresumable", shareUnresumable.map { "\($0)" })
        sets("finish_validator", validator.map { Directive.quoted($0.rawValue) })
        sets("finish_max_size", maxSize.map { Directive.quoted(SizeText.format($0)) })
        sets("finish_between", between.map { Directive.quoted($0.text) })
        sets("finish_max_time", seconds(maxTime))
    }
}
