// What the configuration says of finishing without a client, as the policy that Resume decides by: the directives below
// `resume`, with those of the rule that holds laid over them (resume-rules 6).

import Configuration
import HTTPSemantics
import Resume
import Store

extension FillTable {
    /// What becomes of a download of this URI that its last client leaves.
    func abandonPolicy(for uri: AbsoluteURI, response: ResponseHead) -> AbandonPolicy {
        let policy = AbandonPolicy(configuration.resume)
        guard let rule = rules.match(uri, contentType: response.fields.combined(.contentType)) else { return policy }
        return policy.applying(AbandonOverride(rule.finish))
    }

    /// Whether anything ends by the clock what finishes without a client, or begins it.
    var finishesByTheClock: Bool {
        let resume = configuration.resume
        return resume.finishBetween != nil || resume.finishMaxTimeSeconds != nil
            || rules.rules.contains { $0.finish.between != nil || $0.finish.maxTime != nil }
    }

    /// All hours that are written anywhere.
    var finishWindows: [FinishWindow] {
        ([configuration.resume.finishBetween] + rules.rules.map(\.finish.between)).compactMap { hours in
            hours.flatMap { FinishWindow($0) }
        }
    }
}

extension AbandonPolicy {
    init(_ resume: Configuration.Resume) {
        self.init(
            onDisconnect: OnDisconnect(resume.onDisconnect),
            finishBelow: resume.finishBelow,
            finishShare: resume.finishShare,
            finishETASeconds: resume.finishETASeconds,
            finishShareUnresumable: resume.finishShareUnresumable,
            leastValidator: ValidatorStrength(resume.finishValidator),
            maxObjectSize: resume.finishMaxSize,
            window: resume.finishBetween.flatMap { FinishWindow($0) },
            maxSeconds: resume.finishMaxTimeSeconds
        )
    }
}

extension AbandonOverride {
    init(_ conditions: FinishConditions) {
        self.init()
        onDisconnect = conditions.onDisconnect.map { OnDisconnect($0) }
        finishBelow = conditions.below
        finishShare = conditions.share
        finishETASeconds = conditions.eta
        finishShareUnresumable = conditions.shareUnresumable
        leastValidator = conditions.validator.map { ValidatorStrength($0) }
        maxObjectSize = conditions.maxSize
        window = conditions.between.flatMap { FinishWindow($0) }
        maxSeconds = conditions.maxTime
    }
}

extension OnDisconnect {
    init(_ word: Configuration.OnDisconnect) {
        switch word {
        case .finish: self = .finish
        case .park: self = .park
        case .drop: self = .drop
        }
    }
}

extension ValidatorStrength {
    init(_ word: Configuration.FinishValidator) {
        switch word {
        case .none: self = .none
        case .weak: self = .weak
        case .date: self = .date
        case .etag: self = .entityTag
        }
    }
}

extension FinishWindow {
    /// Never nil for hours that were read.
    init?(_ hours: HoursOfDay) { self.init(start: hours.start, end: hours.end) }
}
