// What `fetch`, `downloads`, `adopt` and `doctor` ask, and what they are told. Beside ControlMessages.swift; the same units.

/// A URL that is to be fetched.
package struct FetchItem: Codable, Sendable, Equatable {
    package var url: String
    /// 64 hexadecimal digits in lower case; nil where nothing was said.
    package var sha256: String?

    package init(url: String, sha256: String? = nil) {
        self.url = url
        self.sha256 = sha256
    }
}

/// What is to be done with a download of the queue.
package enum DownloadOrder: Codable, Sendable, Equatable {
    case pause(id: Int64)
    case resume(id: Int64)
    case cancel(id: Int64)
    /// 1 is the first.
    case move(id: Int64, place: Int)
    /// Takes one that is over off the list.
    case forget(id: Int64)

    var id: Int64 {
        switch self {
        case .pause(let id), .resume(let id), .cancel(let id), .move(let id, _), .forget(let id): id
        }
    }
}

/// A download of the queue, as it stands.
package struct DownloadItem: Codable, Sendable, Equatable {
    package var id: Int64
    package var url: String
    /// Where redirects led; nil where they did not.
    package var target: String?
    /// `queued`, `running`, `waiting`, `paused`, `done`, `failed` or `cancelled`.
    package var state: String
    package var added: Int64
    /// When it came into its state.
    package var changed: Int64
    package var sha256: String?
    /// Why it waits or failed, or what is to be known of what it brought.
    package var reason: String?
    /// When it is tried again, about.
    package var retryAt: Int64?
    package var version: Int64?
    package var held: HeldPart?
    package var bytesPerSecond: Int64
    /// What its first fill does: `asking`, `receiving`, `waiting` …; or `verifying`, where its digest is being found.
    package var activity: String?

    package init(
        id: Int64,
        url: String,
        target: String? = nil,
        state: String,
        added: Int64 = 0,
        changed: Int64 = 0,
        sha256: String? = nil,
        reason: String? = nil,
        retryAt: Int64? = nil,
        version: Int64? = nil,
        held: HeldPart? = nil,
        bytesPerSecond: Int64 = 0,
        activity: String? = nil
    ) {
        self.id = id
        self.url = url
        self.target = target
        self.state = state
        self.added = added
        self.changed = changed
        self.sha256 = sha256
        self.reason = reason
        self.retryAt = retryAt
        self.version = version
        self.held = held
        self.bytesPerSecond = bytesPerSecond
        self.activity = activity
    }

    package var isOver: Bool { state == "done" || state == "failed" || state == "cancelled" }
    /// What came has another digest than was wanted.
    package var hasOtherDigest: Bool { state == "failed" && (reason ?? "").hasPrefix(DigestMismatch.start) }
}

/// What was refused, and of what.
package struct DownloadProblem: Codable, Sendable, Equatable {
    /// A URL or the number of a download.
    package var subject: String
    package var sentence: String

    package init(subject: String, sentence: String) {
        self.subject = subject
        self.sentence = sentence
    }
}

/// Bytes of a stored response, in order. On the socket the line says how many, and they follow as they are.
package struct ContentPart: Codable, Sendable {
    package let count: Int
    /// Of the whole that is being sent.
    package let length: Int64
    package var bytes: [UInt8] = []

    private enum CodingKeys: String, CodingKey {
        case count, length
    }

    init(_ bytes: [UInt8], length: Int64) {
        count = bytes.count
        self.length = length
        self.bytes = bytes
    }
}

/// A file that was adopted.
package struct AdoptedAnswer: Codable, Sendable, Equatable {
    package var url: String
    /// Where redirects led; nil where they did not.
    package var target: String?
    package var version: Int64
    package var held: HeldPart

    package init(url: String, target: String?, version: Int64, held: HeldPart) {
        self.url = url
        self.target = target
        self.version = version
        self.held = held
    }
}

/// What an origin has shown when it was asked.
package struct ExaminedAnswer: Codable, Sendable, Equatable {
    package var url: String
    /// Where redirects led; nil where they did not.
    package var target: String?
    /// nil where nothing was asked.
    package var status: Int?
    /// As it goes into If-Range; nil where there is no strong one.
    package var validator: String?
    package var completeLength: Int64?
    /// `resumes`, `resumes-after-comparing`, `restarts` or `unknown`.
    package var prospect: String
    /// First what will happen to an interrupted download, then why.
    package var sentences: [String]
    /// How many questions the origin was asked.
    package var requests: Int

    package init(
        url: String,
        target: String? = nil,
        status: Int? = nil,
        validator: String? = nil,
        completeLength: Int64? = nil,
        prospect: String,
        sentences: [String],
        requests: Int = 0
    ) {
        self.url = url
        self.target = target
        self.status = status
        self.validator = validator
        self.completeLength = completeLength
        self.prospect = prospect
        self.sentences = sentences
        self.requests = requests
    }
}
