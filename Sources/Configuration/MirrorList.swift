// Several sources of the same paths (`mirrors = [...]` of a rule): which URLs have what one of them has. Whether they have
// the same version is judged by what they answer; this file knows names only.

package import HTTPSemantics

package struct MirrorList: Sendable, Equatable {
    /// Where a source's paths begin.
    package struct Source: Sendable, Equatable {
        /// As it was written.
        package let text: String
        let base: AbsoluteURI
        /// The path of the base without a slash at its end.
        let path: String

        init?(_ text: String) {
            guard case .success(let base) = AbsoluteURI.parse(text), base.scheme == "http",
                !base.pathAndQuery.contains("?")
            else { return nil }
            self.text = text
            self.base = base
            var path = Substring(base.pathAndQuery)
            while path.last == "/" { path.removeLast() }
            self.path = String(path)
        }

        /// What follows the base in a URL below it, from its slash on; nil where it is not below.
        func rest(of uri: AbsoluteURI) -> Substring? {
            guard uri.isSameOrigin(as: base), uri.pathAndQuery.hasPrefix(path) else { return nil }
            let rest = uri.pathAndQuery.dropFirst(path.count)
            return rest.first == "/" ? rest : nil
        }

        func uri(_ rest: Substring) -> AbsoluteURI? {
            guard case .success(let uri) = AbsoluteURI.parse("\(base.scheme)://\(base.hostField)\(path)\(rest)") else {
                return nil
            }
            return uri
        }
    }

    package static let limit = 16

    package let sources: [Source]

    /// nil where one is no http URL, two are the same, or there are too few or too many.
    package init?(_ texts: [String]) {
        let sources = texts.compactMap(Source.init)
        guard sources.count == texts.count, (2...Self.limit).contains(sources.count) else { return nil }
        for (index, source) in sources.enumerated() {
            let isRepeated = sources.prefix(index).contains {
                $0.base.isSameOrigin(as: source.base) && $0.path == source.path
            }
            if isRepeated { return nil }
        }
        self.sources = sources
    }

    /// Where else this URL's resource is to be found, in the order in which they were written; none for a URL that is
    /// below none of the sources.
    package func others(of uri: AbsoluteURI) -> [AbsoluteURI] {
        // The longest base is meant where one lies within another.
        let own = sources.enumerated().compactMap { index, source in
            source.rest(of: uri).map { (index: index, rest: $0) }
        }
        guard let own = own.min(by: { $0.rest.utf8.count < $1.rest.utf8.count }) else { return [] }
        return sources.enumerated().compactMap { $0.offset == own.index ? nil : $0.element.uri(own.rest) }
    }
}
