// The fields of a request for a representation as they are kept to ask again later: without what belonged
// to one client's one request. Resume-rules 4: credentials never outlive the request that brought them.

package enum RequestTemplate {
    /// The fields under which more of the same representation is asked for.
    ///
    /// - Parameter fields: the forwardable fields of a request (`Forwarding.request`).
    package static func of(_ fields: FieldSection) -> FieldSection {
        var template = fields
        template.removeAll { field in
            switch field.known {
            case .range, .ifRange, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince: true
            case .authorization, .cookie: true
            default: false
            }
        }
        return template
    }

    /// The same of a request that asks again for a variant: under the fields that its Vary nominated (resume-rules 4).
    package static func of(_ fields: FieldSection, askingAs nominated: FieldSection) -> FieldSection {
        var template = of(fields)
        template.removeAll { !nominated.values(named: FieldGrammar.lowercase($0.name)).isEmpty }
        nominated.forEach { template.append($0) }
        return template
    }

    /// The fields that identify a client to an origin, in order.
    package static func credentials(of fields: FieldSection) -> FieldSection {
        var credentials = FieldSection()
        fields.forEach { field in
            if field.known == .authorization || field.known == .cookie { credentials.append(field) }
        }
        return credentials
    }
}
