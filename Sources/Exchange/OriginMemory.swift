// What the proxy knows of each origin it has asked (resume-rules 11, "Origin memory"): OriginCapabilities under a lock, by
// scheme, host and port, written down in the index and read from it at the start. What an answer says of an origin, and
// what follows from it, is Resume's judgement; this file only keeps it.

import HTTPSemantics
import Resume
import Store
import Synchronization
import Transport

/// May be used from any thread.
package final class OriginMemory: Sendable {
    private struct Known {
        var capabilities: OriginCapabilities
        /// When something was last learnt or asked, monotonic nanoseconds: who is forgotten first.
        var usedAt: Int64
    }

    private let store: Store
    private let isOn: Bool
    private let known: Mutex<[String: Known]>
    /// Whoever controls a domain has as many host names as he likes.
    private static let limit = RememberedOrigin.limit

    /// Reads the index: blocking.
    ///
    /// - Parameter isOn: where not, of every origin nothing is known.
    init(store: Store, isOn: Bool) {
        self.store = store
        self.isOn = isOn
        let now = Clock.monotonicNanoseconds()
        var known: [String: Known] = [:]
        for origin in isOn ? store.rememberedOrigins() : [] {
            known[origin.name] = Known(capabilities: OriginCapabilities(bytes: origin.memory), usedAt: now)
        }
        self.known = Mutex(known)
    }

    /// What is known of the origin of this URI, what is older than a week left out.
    func capabilities(of uri: AbsoluteURI) -> OriginCapabilities {
        guard isOn else { return OriginCapabilities() }
        let name = Self.name(of: uri)
        return (known.withLock { $0[name]?.capabilities } ?? OriginCapabilities()).asOf(Clock.unixSeconds())
    }

    func learn(_ event: OriginEvent, of uri: AbsoluteURI) {
        guard isOn else { return }
        let name = Self.name(of: uri)
        let now = Clock.unixSeconds()
        let changed = known.withLock { known -> OriginCapabilities? in
            var one = known[name] ?? Known(capabilities: OriginCapabilities(), usedAt: 0)
            guard one.capabilities.learn(event, at: now) else { return nil }
            one.usedAt = Clock.monotonicNanoseconds()
            if known[name] == nil, known.count >= Self.limit { Self.forgetSome(&known) }
            known[name] = one
            return one.capabilities
        }
        if let changed { store.remember(RememberedOrigin(name: name, memory: changed.bytes, at: now)) }
    }

    /// A tenth at a time, so that not every new name has to look for the oldest.
    private static func forgetSome(_ known: inout [String: Known]) {
        for (name, _) in known.sorted(by: { $0.value.usedAt < $1.value.usedAt }).prefix(limit / 10) {
            known[name] = nil
        }
    }

    private static func name(of uri: AbsoluteURI) -> String { "\(uri.scheme)://\(uri.hostField)" }
}

extension OriginCapabilities {
    /// The condition under which more of a response is asked for; nil where its origin gives no parts.
    ///
    /// - Parameters:
    ///   - announcesRanges: the response itself says `Accept-Ranges: bytes`: an origin may have sound ranges for
    ///     some of its resources only, and to try costs one request: what is wrong is noticed again.
    ///   - allowsDate: the operator allows If-Range with a date beside an entity tag, and there is a date.
    func condition(
        for validator: StrongValidator,
        announcesRanges: Bool,
        allowsDate: Bool,
        now: Int64
    ) -> ResumeCondition? {
        var known = self
        if announcesRanges { known.forgetRefusedRanges() }
        return known.condition(for: validator, version: .http11, dateOverride: allowsDate, now: now)
    }
}

extension OriginCapabilities.Validators {
    /// - Parameter validator: the strong one, by which the response is known.
    init(of validator: StrongValidator?, _ fields: FieldSection) {
        switch validator {
        case .etag: self = .strongTag
        case .lastModified: self = .strongDate
        case .immutable, nil:
            self = fields.contains(.etag) || fields.contains(.lastModified) ? .weakOnly : .absent
        }
    }
}
