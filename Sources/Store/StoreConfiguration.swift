// What the store is told when it is opened, what it says about itself, and its errors. Values only: nothing
// here touches the disk.

import Glibc

/// How a store is to be opened.
package struct StoreConfiguration: Sendable {
    /// The cache directory. It is made where it does not exist; its parent has to exist.
    package var directory: String
    /// The bytes of bodies that may be held.
    package var maxSize: Int64
    /// The bytes of the disk that stay free; nil: max(1 GiB, 5 %) of the disk (R57).
    package var minFree: Int64?
    /// The bytes of memory for loaded entries and small bodies.
    package var hotBytes: Int
    /// A complete body of at most this many bytes goes into the index instead of a file.
    package var smallBody: Int
    /// The threads that read and write bodies.
    package var diskThreads: Int
    /// The descriptors of body files that are kept open for later use; nil: an eighth of what the process may open.
    package var keptDescriptors: Int?
    /// How fast what is held is checked in the background.
    package var scrub: ScrubPace
    /// How long guard records and superseded versions are kept, in seconds (resume-rules 11).
    package var guardSeconds: Int64
    /// Is given one sentence at a time. Called on any thread.
    package var log: @Sendable (String) -> Void
    /// The wall clock: seconds since 1970 UTC.
    package var now: @Sendable () -> Int64

    package init(
        directory: String,
        maxSize: Int64 = 10 << 30,
        minFree: Int64? = nil,
        hotBytes: Int = 64 << 20,
        smallBody: Int = 16384,
        diskThreads: Int = 4,
        keptDescriptors: Int? = nil,
        scrub: ScrubPace = ScrubPace(),
        guardSeconds: Int64 = 3600,
        log: @escaping @Sendable (String) -> Void = { _ in },
        now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }
    ) {
        self.directory = directory
        self.maxSize = maxSize
        self.minFree = minFree
        self.hotBytes = hotBytes
        self.smallBody = smallBody
        self.diskThreads = diskThreads
        self.keptDescriptors = keptDescriptors
        self.scrub = scrub
        self.guardSeconds = guardSeconds
        self.log = log
        self.now = now
    }
}

/// Why the store could not do what it was asked.
package struct StoreError: Error, Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        /// Another process holds the directory.
        case locked
        /// The directory or a file in it is a symbolic link or belongs to somebody else (R100).
        case unsafe
        /// The directory cannot be made, opened or used.
        case unusable
        /// The quota or the disk is full, and nothing may be evicted (hardening 2.2 item 6).
        case full
        /// The body is larger than one body may be (R57).
        case tooLarge
        /// The disk refused a read, a write or a flush.
        case disk
        /// The stored response was removed, or the store was closed.
        case gone
        /// The disk cache is off after repeated errors (hardening 2.2 item 5).
        case off
    }

    package let kind: Kind
    /// One sentence for the log and the person who reads it.
    package let sentence: String

    package init(_ kind: Kind, _ sentence: String) {
        self.kind = kind
        self.sentence = sentence
    }

    /// An error of a system call: what was attempted, and errno.
    static func system(_ attempt: String, errno code: Int32) -> StoreError {
        let reason = String(cString: strerror(code))
        switch code {
        case ENOSPC, EDQUOT: return StoreError(.full, "\(attempt): \(reason)")
        case EFBIG: return StoreError(.tooLarge, "\(attempt): \(reason)")
        default: return StoreError(.disk, "\(attempt): \(reason)")
        }
    }
}

/// What the store holds, for the start-up line.
package struct StoreSummary: Sendable, Equatable {
    /// Stored responses.
    package var entries: Int
    /// Bytes of bodies held.
    package var bytes: Int64
    /// Downloads that are remembered as unfinished.
    package var unfinished: Int
    /// Pieces that failed their checksum since the start; they are fetched again.
    package var damagedPieces: Int
}
