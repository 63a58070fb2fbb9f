// The Cache-Control directives of a request or a response (RFC 9111 §5.2), with Pragma where it still
// counts (§5.4). What is contradictory or malformed is read as the stricter of its meanings: a response
// that is thought less reusable than it is costs a request, the contrary a wrong answer.

/// What Cache-Control says. Times are in seconds.
package struct CacheControl: Sendable, Equatable {
    /// How stale a response the client takes (RFC 9111 §5.2.1.2).
    package enum MaxStale: Sendable, Equatable {
        case any
        case seconds(Int64)
    }

    package var noStore = false
    /// The unqualified form: about the whole response.
    package var noCache = false
    package var mustRevalidate = false
    package var proxyRevalidate = false
    package var isPublic = false
    /// The unqualified form: the whole response is one client's (RFC 9111 §5.2.2.7).
    package var isPrivate = false
    package var noTransform = false
    package var onlyIfCached = false
    package var immutable = false
    package var mustUnderstand = false
    /// The fields that a qualified `no-cache` names, in lower case.
    package var noCacheFields: [String] = []
    /// The fields that a qualified `private` names, in lower case.
    package var privateFields: [String] = []
    package var maxAge: Int64?
    package var sMaxAge: Int64?
    package var minFresh: Int64?
    package var staleIfError: Int64?
    package var staleWhileRevalidate: Int64?
    package var maxStale: MaxStale?
    /// Whether a targeted field stands in the place of Cache-Control and of Expires (RFC 9213 §2.2).
    package internal(set) var isTargeted = false

    package init() {}

    /// R12: with more directives than these, nothing is stored.
    package static let limit = 64

    /// The directives of a request. RFC 9111 §5.4: `Pragma: no-cache` counts where there is no Cache-Control.
    package static func request(_ fields: FieldSection) -> CacheControl {
        var control = read(fields, isRequest: true)
        if !fields.contains(.cacheControl) {
            for line in fields.values(.pragma) {
                for directive in FieldGrammar.list(line).members
                where FieldGrammar.equalIgnoringCase(directive, "no-cache") {
                    control.noCache = true
                }
            }
        }
        return control
    }

    /// The directives of a response: those of the first sound field that is targeted at us, else of Cache-Control.
    package static func response(_ fields: FieldSection, policy: CachePolicy = .standard) -> CacheControl {
        TargetedCacheControl.read(fields, targets: policy.targets) ?? read(fields, isRequest: false)
    }

    private static func read(_ fields: FieldSection, isRequest: Bool) -> CacheControl {
        var control = CacheControl()
        var count = 0
        for line in fields.values(.cacheControl) {
            let (directives, isClosed) = FieldGrammar.list(line)
            if !isClosed {
                // What an unclosed quoted string swallows might be the directive that matters.
                control.noStore = true
                control.noCache = true
            }
            count += directives.count
            if count > limit {
                control.noStore = true
                if isRequest { control.noCache = true }
                return control
            }
            for directive in directives { control.apply(directive, isRequest: isRequest) }
        }
        return control
    }

    private mutating func apply(_ directive: Substring, isRequest: Bool) {
        let equals = directive.utf8.firstIndex(of: UInt8(ascii: "="))
        let name = FieldGrammar.lowercase(FieldGrammar.trimmed(directive[..<(equals ?? directive.endIndex)]))
        var argument: String?
        if let equals {
            // RFC 9111 §5.2: an argument in either form, token or quoted string, is the same argument. With whitespace
            // around the equals sign it is none: an empty one stands for that.
            let text = directive[directive.utf8.index(after: equals)...]
            let isSpaced = directive[..<equals].utf8.last.map(FieldGrammar.isWhitespace) ?? true
            argument = isSpaced ? "" : FieldGrammar.unquoted(text) ?? String(text)
        }
        apply(name, argument, isRequest: isRequest)
    }

    /// One directive, its name in lower case and its argument without quotation marks.
    mutating func apply(_ name: String, _ argument: String?, isRequest: Bool) {
        switch name {
        case "no-store": noStore = true
        case "no-cache": applyNoCache(argument, isRequest: isRequest)
        case "private":
            if let names = argument.flatMap(Self.fieldNames) { privateFields += names } else { isPrivate = true }
        case "public": isPublic = true
        case "must-revalidate": mustRevalidate = true
        case "proxy-revalidate": proxyRevalidate = true
        case "no-transform": noTransform = true
        case "only-if-cached": onlyIfCached = true
        case "immutable": immutable = true
        case "must-understand": mustUnderstand = true
        case "max-age": maxAge = Self.shorter(maxAge, Self.seconds(argument))
        case "s-maxage": sMaxAge = Self.shorter(sMaxAge, Self.seconds(argument))
        case "stale-if-error": staleIfError = Self.shorter(staleIfError, Self.seconds(argument))
        case "stale-while-revalidate":
            staleWhileRevalidate = Self.shorter(staleWhileRevalidate, Self.seconds(argument))
        case "min-fresh":
            // Here the stricter is the longer, and what cannot be read is the longest.
            let seconds = argument.flatMap { FieldGrammar.deltaSeconds($0) } ?? FieldGrammar.deltaLimit
            minFresh = max(minFresh ?? 0, seconds)
        case "max-stale": applyMaxStale(argument)
        default: break
        }
    }

    /// RFC 9111 §5.2.2.4: a response may name the fields that must not be reused without validation. A request cannot,
    /// and what names no sound field counts as the plain directive.
    private mutating func applyNoCache(_ argument: String?, isRequest: Bool) {
        if !isRequest, let names = argument.flatMap(Self.fieldNames) {
            noCacheFields += names
        } else {
            noCache = true
        }
    }

    private mutating func applyMaxStale(_ argument: String?) {
        guard let argument else {
            if maxStale == nil { maxStale = .any }
            return
        }
        let seconds = Self.seconds(argument)
        if case .seconds(let other) = maxStale {
            maxStale = .seconds(min(seconds, other))
        } else {
            maxStale = .seconds(seconds)
        }
    }

    /// RFC 9111 §4.2.1: what is no number of seconds makes a response stale.
    private static func seconds(_ argument: String?) -> Int64 {
        argument.flatMap { FieldGrammar.deltaSeconds($0) } ?? 0
    }

    /// RFC 9111 §4.2.1: of two values the one that makes stale sooner.
    private static func shorter(_ one: Int64?, _ other: Int64) -> Int64 {
        min(one ?? other, other)
    }

    private static func fieldNames(_ argument: String) -> [String]? {
        let names = FieldGrammar.plainList(argument)
        guard !names.isEmpty, names.allSatisfy({ FieldGrammar.isToken($0) }) else { return nil }
        return names.map { FieldGrammar.lowercase($0) }
    }
}
