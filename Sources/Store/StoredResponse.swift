// One stored response: one version of one representation (RFC 9111 §3, resume-rules 2). What is fixed for its
// life stands in constants; head and times change with a validation. What its bytes are is its body's business.

package import HTTPSemantics
package import Resume
import Synchronization

/// What is to become a stored response.
package struct NewStoredResponse: Sendable {
    package var key: CacheKey
    package var uri: String
    /// The request's fields that Vary nominated.
    package var requestFields: FieldSection
    /// The head, already stripped for storing, status 200.
    package var head: ResponseHead
    /// Seconds since 1970 UTC: when the request was sent and when the response came.
    package var requestTime: Int64
    package var responseTime: Int64
    package var validator: StrongValidator?
    package var completeLength: Int64?
    /// The address that it was fetched from (R62).
    package var originAddress: String
    /// false where the body is known not to be a whole small one; it then never waits in memory.
    package var expectsSmallBody: Bool

    package init(
        key: CacheKey,
        requestFields: FieldSection,
        head: ResponseHead,
        requestTime: Int64,
        responseTime: Int64,
        validator: StrongValidator?,
        completeLength: Int64?,
        originAddress: String,
        expectsSmallBody: Bool = true
    ) {
        self.key = key
        self.uri = key.uri
        self.requestFields = requestFields
        self.head = head
        self.requestTime = requestTime
        self.responseTime = responseTime
        self.validator = validator
        self.completeLength = completeLength
        self.originAddress = originAddress
        self.expectsSmallBody = expectsSmallBody
    }
}

/// The part of a stored response that changes with a validation.
package struct StoredMetadata: Sendable {
    package var head: ResponseHead
    /// Seconds since 1970 UTC.
    package var requestTime: Int64
    package var responseTime: Int64
    /// It must be validated before any use (RFC 9111 §4.4).
    package var isInvalidated: Bool
}

/// Whether a fill works on an unfinished download.
package enum UnfinishedState: Int64, Sendable {
    case filling = 0
    case parked = 1
}

/// What a fill still owes, as it is remembered across restarts.
package struct UnfinishedDownload: Sendable {
    package let key: CacheKey
    package let uri: String
    package let response: StoredResponse
    /// The ranges that readers asked for; an upper bound of Int64.max: to the end, wherever that is.
    package let wanted: ByteRangeSet
    package let state: UnfinishedState
    /// The fields to replay; never Authorization or Cookie (resume-rules 4).
    package let requestFields: FieldSection
    /// Seconds since 1970 UTC: when it was first remembered.
    package let since: Int64
}

/// One version of one representation.
package final class StoredResponse: Sendable {
    /// The generation number: never reused, larger for a later one.
    package let id: Int64
    package let key: CacheKey
    package let requestFields: FieldSection
    package let validator: StrongValidator?
    package let originAddress: String
    package let body: StoredBody

    let services: StoreServices
    let record: Mutex<Record>
    private let current: Atomic<Bool>
    private let revisions = Atomic<UInt64>(0)

    /// What changes, and what of it the index has not seen yet.
    struct Record: Sendable {
        var metadata: StoredMetadata
        var hits: Int64 = 0
        var lastUse: Int64
        var lastUseWritten: Int64 = 0
        var supersededUntil: Int64?
        var digest = DigestFinding.unknown
        var download: Download?
        var isRemoved = false
        /// The index has a row.
        var isInserted = false
        var isRowChanged = false
        var isDownloadChanged = false
        /// What the index says of the size, and whether it knows of a download.
        var sizeInIndex: Int64 = 0
        var isUnfinishedInIndex = false
        /// The row contains the bytes of the small body.
        var isContentInIndex = false
    }

    struct Download: Sendable {
        var wanted: ByteRangeSet
        var state: UnfinishedState
        var requestFields: FieldSection
        var uri: String
        var since: Int64
    }

    init(
        id: Int64,
        key: CacheKey,
        requestFields: FieldSection,
        validator: StrongValidator?,
        originAddress: String,
        body: StoredBody,
        record: Record,
        services: StoreServices
    ) {
        self.id = id
        self.key = key
        self.requestFields = requestFields
        self.validator = validator
        self.originAddress = originAddress
        self.body = body
        current = Atomic(!record.metadata.isInvalidated)
        self.record = Mutex(record)
        self.services = services
        body.adopt(by: self)
    }

    package var metadata: StoredMetadata { record.withLock { $0.metadata } }

    /// false once it was purged, invalidated, superseded, or evicted; true again after a validation.
    package var isCurrent: Bool { current.load(ordering: .acquiring) }

    /// Grows with every change of the head, of the times, and of `isCurrent`. What was decided under one number
    /// is to be decided again under another.
    package var revision: UInt64 { revisions.load(ordering: .acquiring) }

    /// Uses since it was stored.
    package var hits: Int64 { record.withLock { $0.hits } }
    /// Seconds since 1970 UTC.
    package var lastUse: Int64 { record.withLock { $0.lastUse } }

    /// Whether a fill is noted as working on it.
    package var isNotedAsFilling: Bool { record.withLock { $0.download?.state == .filling } }

    /// Changes the record, and has the index told of it. Nothing is changed on a removed one.
    func change(isCurrent: Bool?, _ body: (inout Record) -> Void) {
        let isAlive = record.withLock { record in
            guard !record.isRemoved else { return false }
            body(&record)
            if let isCurrent { current.store(isCurrent, ordering: .releasing) }
            return true
        }
        guard isAlive else { return }
        revisions.add(1, ordering: .releasing)
        services.mailbox.changed(self, bytes: 0)
    }

    /// It is no longer to be used or written. true where this call did it.
    func markRemoved() -> Bool {
        let isFirst = record.withLock { record in
            defer { record.isRemoved = true }
            current.store(false, ordering: .releasing)
            return !record.isRemoved
        }
        revisions.add(1, ordering: .releasing)
        return isFirst
    }

    /// What the memory for it is taken to be, in bytes.
    var cost: Int {
        let head = record.withLock { $0.metadata.head.fields.lineBytes }
        return 1024 + key.uri.utf8.count + head + requestFields.lineBytes + body.memoryCost
    }
}
