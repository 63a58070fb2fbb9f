// Cache-Control that is meant for caches of one kind (RFC 9213): a field such as CDN-Cache-Control, a Dictionary of
// RFC 8941. The operator lists the names that concern this cache; the first of them that is there, sound and not
// empty stands in the place of Cache-Control and of Expires. One that cannot be read counts as absent: falling back
// to Cache-Control is what the RFC demands, strict though that field's own reading is.

/// RFC 9213.
enum TargetedCacheControl {
    /// The directives of the first usable field among `targets` (lower case, in order of precedence); nil: none is.
    static func read(_ fields: FieldSection, targets: [String]) -> CacheControl? {
        for name in targets {
            guard let text = fields.combined(named: name), let members = StructuredDictionary.parse(text),
                !members.isEmpty
            else { continue }
            return control(members)
        }
        return nil
    }

    private static func control(_ members: [StructuredDictionary.Member]) -> CacheControl {
        var control = CacheControl()
        control.isTargeted = true
        if members.count > CacheControl.limit {
            // R12.
            control.noStore = true
            return control
        }
        for member in members { apply(member, to: &control) }
        return control
    }

    /// RFC 9213 §2.1: a value of another type than the directive's is not consumed. What forbids is believed even so.
    private static func apply(_ member: StructuredDictionary.Member, to control: inout CacheControl) {
        switch (member.key, member.value) {
        case (_, .boolean(false)):
            break
        case ("max-age", .integer(let seconds)), ("s-maxage", .integer(let seconds)),
            ("stale-if-error", .integer(let seconds)), ("stale-while-revalidate", .integer(let seconds)):
            control.apply(member.key, String(max(0, seconds)), isRequest: false)
        case ("max-age", _), ("s-maxage", _), ("stale-if-error", _), ("stale-while-revalidate", _):
            break
        case ("no-cache", .string(let names)), ("private", .string(let names)):
            control.apply(member.key, names, isRequest: false)
        case ("no-store", _), ("no-cache", _), ("private", _), ("must-revalidate", _), ("proxy-revalidate", _),
            ("no-transform", _):
            control.apply(member.key, nil, isRequest: false)
        case ("public", .boolean), ("immutable", .boolean), ("must-understand", .boolean):
            control.apply(member.key, nil, isRequest: false)
        default:
            break
        }
    }
}
