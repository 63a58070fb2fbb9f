// The directives of `freshness` as HTTPSemantics wants them.

import Configuration
import HTTPSemantics

extension HeuristicFreshness {
    init(_ configuration: Configuration) {
        self.init(
            share: configuration.freshness.defaultHeuristicShare,
            longest: configuration.freshness.maxHeuristicSeconds
        )
    }
}
