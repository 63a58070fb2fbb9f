// The directives whose value is one of a few words. The raw values are the words of proxy.conf.
//
// They are nested, and named apart from the types of the modules that act on them, so that those who conduct can import
// both and translate.

extension Configuration {
    /// `resume.on_disconnect`: what becomes of a fill whose last reader left (resume-rules 6).
    package enum OnDisconnect: String, Sendable, Equatable, CaseIterable {
        /// Go on to the end of what was asked for.
        case finish
        /// Stop, and remember as unfinished.
        case park
        /// Stop, and do not remember; what is held stays held.
        case drop
    }

    /// `resume.finish_validator`: how surely a version must be told from the next one for it to be finished.
    package enum FinishValidator: String, Sendable, Equatable, CaseIterable {
        case none
        case weak
        case date
        case etag
    }

    /// `resume.resume_guard`: the answer to a resume without If-Range of an older version (resume-rules 11).
    package enum ResumeGuardMode: String, Sendable, Equatable, CaseIterable {
        /// The whole new version, so that the client does not splice.
        case full
        /// The range of the older version, while it is retained; else as `full`.
        case retained
        /// The range of the new version.
        case off
    }

    /// `forward.x_forwarded_for`: what happens to the client's X-Forwarded-For. None is ever added.
    package enum ForwardedForMode: String, Sendable, Equatable, CaseIterable {
        case remove
        case keep
    }

    /// `log.access`: where the access log goes.
    package enum AccessLog: Sendable, Equatable {
        case standardOutput
        case off
        case file(path: String)
    }
}
