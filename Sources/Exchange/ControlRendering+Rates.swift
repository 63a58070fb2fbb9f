// Rates as text for people: only what is set, or happens.

extension ControlRendering {
    func rates(_ rates: StatusRates?) -> [String] {
        guard let rates else { return [] }
        var lines: [String] = []
        if rates.link > 0 {
            lines.append(
                "origins sent up to \(HumanText.rate(rates.link)); clients take \(HumanText.rate(rates.clients)) now"
            )
        }
        if rates.backgroundSetting != "unlimited" {
            let now = rates.background.map { "\(HumanText.rate($0)) now" } ?? "all that there is now"
            lines.append(
                "downloads without a client may take \(now) (resume.background_rate = \"\(rates.backgroundSetting)\")"
            )
        }
        if !rates.limits.isEmpty {
            let limits = rates.limits.map { "\($0.directive) \(HumanText.rate($0.bytesPerSecond))" }
            lines.append("limits: " + limits.joined(separator: ", "))
        }
        if rates.finishing + rates.waitingForPlace + rates.waitingForHours > 0 {
            var facts = ["\(rates.finishing) of \(rates.places) places to finish without a client are taken"]
            if rates.waitingForPlace > 0 { facts.append("\(rates.waitingForPlace) wait for one") }
            if rates.waitingForHours > 0 { facts.append("\(rates.waitingForHours) wait for finish_between") }
            lines.append(facts.joined(separator: ", "))
        }
        return lines
    }
}
