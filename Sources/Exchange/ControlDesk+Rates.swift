// What the desk says of rates, and why a download without a client waits.

import Configuration
import HTTPSemantics
import Resume
import Store
import Transport

extension ControlDesk {
    /// nil where no proxy runs.
    func rates(_ waiting: [StatusDownload]) -> StatusRates? {
        guard let table = running?.table else { return nil }
        let configuration = table.configuration
        let link = table.rates.link.report(at: Clock.monotonicNanoseconds())
        let counts = table.finisher.counts
        var rates = StatusRates()
        rates.link = link.capacity
        rates.clients = link.foreground
        rates.backgroundSetting = Directive.text(configuration.resume.backgroundRate)
        rates.background = link.backgroundRate
        let limits: [(String, Int64?)] = [
            ("upstream.max_rate", configuration.upstream.maxRate),
            ("upstream.max_rate_per_origin", configuration.upstream.maxRatePerOrigin),
            ("downstream.max_rate", configuration.downstream.maxRate),
            ("downstream.max_rate_per_client", configuration.downstream.maxRatePerClient),
        ]
        rates.limits = limits.compactMap { directive, rate in
            rate.map { StatusRates.Limit(directive: directive, bytesPerSecond: $0) }
        }
        rates.finishing = counts.finishing
        rates.places = configuration.resume.maxFinishing
        rates.waitingForPlace = counts.waiting
        rates.waitingForHours = waiting.count { $0.state == .outsideHours }
        return rates
    }

    /// Whether it goes on by itself once its hours begin.
    func waitsForItsHours(_ unfinished: UnfinishedDownload) -> Bool {
        guard let table = running?.table, unfinished.state == .filling,
            case .success(let uri) = AbsoluteURI.parse(unfinished.uri)
        else { return false }
        let policy = table.abandonPolicy(for: uri, response: unfinished.response.metadata.head)
        guard policy.onDisconnect == .finish, let window = policy.window else { return false }
        return !window.contains(minuteOfDay: Clock.localMinuteOfDay())
    }

    /// The sentence that the log had for it.
    func parkReason(_ unfinished: UnfinishedDownload) -> String? {
        guard unfinished.state == .parked else { return nil }
        return running?.table.parkReason(of: unfinished.response)?.sentence
    }
}
