// Bytes that were held and are no longer, because they were damaged: they are owed like those of a download that broke
// off, and the finisher brings them, under Range and If-Range (resume-rules 4).

import Configuration
import HTTPSemantics
import Resume
import Store
import Transport
import Wire

extension FillTable {
    /// The origin has answered with this part; where it names the part's digest (RFC 9530 §2), it is compared.
    func watchPart(_ span: Range<Int64>, of response: StoredResponse, _ answer: OriginCall.Answer) {
        guard let expected = ExpectedDigest.ofPart(answer.head) else { return }
        // What has fewer bytes than it says is kept as far as it goes (resume-rules 2), and is not what the digest is of.
        if case .length(let length) = answer.framing, length != span.upperBound - span.lowerBound { return }
        digests.watchPart(span, of: response, expected) { [self] mayFetchAnew in
            // Who was given bytes of it has wrong ones.
            liveFills(of: response)?.distrusted(span, expected)
            guard mayFetchAnew else { return }
            response.body.distrust(span) { dropped in
                guard self.configuration.resume.onDisconnect == .finish || self.liveFills(of: response) != nil else {
                    return
                }
                _ = self.refetch(response, dropped)
            }
        }
    }

    /// Whether they are being fetched, or wait for a place.
    func refetch(_ response: StoredResponse, _ ranges: ByteRangeSet) -> Bool {
        guard response.isResumable, let uri = response.fetchableURI(rules) else { return false }
        let version = fills(of: response, uri: uri, template: response.template(for: uri, pseudonym: pseudonym))
        version.finishInBackground(ranges)
        version.noteUnfinished()
        return configuration.resume.maxFinishing > 0
    }
}

extension Store {
    /// The same where no proxy runs: taken up by the next one.
    func noteForNextStart(
        _ response: StoredResponse,
        _ ranges: ByteRangeSet,
        _ configuration: Configuration
    ) -> Bool {
        guard response.isResumable, let uri = response.fetchableURI(configuration.rules) else { return false }
        setUnfinished(
            response,
            wanted: ranges,
            state: .filling,
            requestFields: response.template(for: uri, pseudonym: configuration.forward.viaName),
            uri: uri.description
        )
        return true
    }
}

extension StoredResponse {
    /// nil where the key is one that a rule has made: then only a client knows a URL for it.
    fileprivate func fetchableURI(_ rules: CacheRules) -> AbsoluteURI? {
        guard case .success(let uri) = AbsoluteURI.parse(key.uri), uri.scheme == "http", rules.key(of: uri) == key
        else {
            return nil
        }
        return uri
    }

    /// The fields of a request that this response answers; those that Vary nominated as they were (resume-rules 4).
    fileprivate func template(for uri: AbsoluteURI, pseudonym: String) -> FieldSection {
        let fields = Forwarding.request(DownloadRun.request(for: uri), pseudonym: pseudonym, keepForwardedFor: false)
        return RequestTemplate.of(fields, askingAs: requestFields)
    }
}
