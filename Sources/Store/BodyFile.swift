// One body on the disk: `bodies/ab/<id>`, one sparse file per version of a representation, written at offsets
// (hardening 2.2 item 1). Here are the calls that touch it, with short counts and EINTR looped (item 9), and
// the cache of open descriptors. Which bytes of the file mean anything is not known here.

import CSystemCalls
import Glibc
import Synchronization

/// The names of body files.
enum BodyName {
    /// The lowest byte of the id chooses the directory, so that 256 directories fill evenly.
    static func directory(_ id: Int64) -> String { "bodies/" + hex(UInt64(bitPattern: id) & 0xff, digits: 2) }

    static func file(_ id: Int64) -> String { directory(id) + "/" + hex(UInt64(bitPattern: id), digits: 16) }

    /// The id of a file name; nil where it is not one of ours.
    static func id(_ name: String) -> Int64? {
        guard name.utf8.count == 16, let value = UInt64(name, radix: 16), value <= UInt64(Int64.max) else { return nil }
        return Int64(value)
    }

    static func hex(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}

/// An open body file. The descriptor is closed on a disk thread when the last holder lets go.
final class BodyFile: Sendable {
    let descriptor: Int32
    private let pool: DiskPool
    private let quota: Quota
    /// Bytes that are still on the disk though the file has no name any more.
    private let lingering = Atomic<Int64>(0)

    private init(descriptor: Int32, pool: DiskPool, quota: Quota) {
        self.descriptor = descriptor
        self.pool = pool
        self.quota = quota
    }

    deinit {
        let descriptor = self.descriptor
        let quota = self.quota
        let bytes = lingering.load(ordering: .relaxed)
        // The last close of an unlinked file frees its blocks, which can take long: never on a loop.
        pool.submit {
            close(descriptor)
            quota.leave(bytes)
        }
    }

    /// A file that did not exist. The directory is made where it is missing.
    static func create(_ id: Int64, in services: StoreServices) throws(StoreError) -> BodyFile {
        let name = BodyName.file(id)
        let flags = O_RDWR | O_CREAT | O_EXCL
        var descriptor = services.directory.open(name, flags)
        if descriptor < 0, errno == ENOENT {
            try services.directory.makeDirectory("bodies")
            try services.directory.makeDirectory(BodyName.directory(id))
            descriptor = services.directory.open(name, flags)
        }
        guard descriptor >= 0 else { throw refused("A body file cannot be made", errno, services) }
        return BodyFile(descriptor: descriptor, pool: services.pool, quota: services.quota)
    }

    /// nil where there is none.
    static func open(_ id: Int64, in services: StoreServices) throws(StoreError) -> BodyFile? {
        let descriptor = services.directory.open(BodyName.file(id), O_RDWR)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR || errno == ELOOP { return nil }
            throw refused("A body file cannot be opened", errno, services)
        }
        return BodyFile(descriptor: descriptor, pool: services.pool, quota: services.quota)
    }

    /// Where there are no further descriptors, those that are only kept for later are closed.
    private static func refused(_ attempt: String, _ code: Int32, _ services: StoreServices) -> StoreError {
        if code == EMFILE || code == ENFILE { services.descriptors.forgetAll() }
        return StoreError.system(attempt, errno: code)
    }

    /// The file was unlinked: its bytes count until the descriptor is closed (hardening 2.2 item 6).
    func linger(_ bytes: Int64) {
        quota.linger(bytes - lingering.exchange(bytes, ordering: .relaxed))
    }

    var size: Int64? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Writes all of the bytes.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + Int64(done)))
            if count > 0 {
                done += count
            } else if count == 0 {
                throw StoreError(.disk, "A body file takes no further bytes.")
            } else if errno != EINTR, errno != EAGAIN {
                throw StoreError.system("Writing a body failed", errno: errno)
            }
        }
    }

    /// Reads until the buffer is full or the file ends; the bytes that were read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + Int64(done)))
            if count > 0 {
                done += count
            } else if count == 0 {
                return done
            } else if errno != EINTR, errno != EAGAIN {
                throw StoreError.system("Reading a body failed", errno: errno)
            }
        }
        return done
    }

    /// Asks for room on the disk beforehand. A file system that cannot is no error (hardening 2.2 item 6); false there.
    func reserve(_ range: Range<Int64>) throws(StoreError) -> Bool {
        while csystem_fallocate_keep_size(descriptor, off_t(range.lowerBound), off_t(range.count)) != 0 {
            switch errno {
            case EINTR: continue
            case ENOSPC, EDQUOT, EFBIG: throw StoreError.system("No room for a body", errno: errno)
            default: return false
            }
        }
        return true
    }

    /// What the disk has given to the file, and in which units.
    struct Room {
        let size: Int64
        /// Bytes, also beyond the end of the file.
        let allocated: Int64
        let block: Int64

        init(_ status: stat) {
            let (bytes, isTooMuch) = Int64(status.st_blocks).multipliedReportingOverflow(by: 512)
            size = Int64(status.st_size)
            allocated = isTooMuch ? .max : bytes
            block = max(512, Int64(status.st_blksize))
        }
    }

    var room: Room? {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Room(status) : nil
    }

    /// Gives these blocks back to the disk: they read as zeros from then on. 0, or errno.
    func giveBack(_ range: Range<Int64>) -> Int32 {
        while csystem_fallocate_punch_hole(descriptor, off_t(range.lowerBound), off_t(range.count)) != 0 {
            if errno != EINTR { return errno }
        }
        return 0
    }

    /// Gives back what lies beyond the end of the file, which stays where it is: an index that was written before a
    /// crash may speak of every byte before it.
    func giveBackBeyondEnd(at size: Int64) {
        while ftruncate(descriptor, off_t(size)) != 0, errno == EINTR {}
    }

    /// Brings the bytes to the disk: 0, or errno. Never tried again after a failure (hardening 2.1).
    func flush() -> Int32 {
        while fdatasync(descriptor) != 0 {
            if errno != EINTR { return errno }
        }
        return 0
    }

    /// Whether a sample of the range's pages is in memory: one byte of every 256 KiB and the last one.
    /// nil where the file system cannot tell.
    func isInMemory(_ range: Range<Int64>) -> Bool? {
        var offset = range.lowerBound
        while offset < range.upperBound {
            guard let isThere = probe(offset) else { return nil }
            if !isThere { return false }
            offset += 256 << 10
        }
        return range.isEmpty ? true : probe(range.upperBound - 1)
    }

    private func probe(_ offset: Int64) -> Bool? {
        var byte: UInt8 = 0
        let count = csystem_pread_nowait(descriptor, &byte, 1, off_t(offset))
        if count == 1 { return true }
        if count < 0, errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL { return nil }
        return false
    }
}

/// Keeps the descriptors that were used last open.
final class DescriptorCache: Sendable {
    private struct State {
        var files: [Int64: (file: BodyFile, use: UInt64)] = [:]
        var clock: UInt64 = 0
    }
    private let state = Mutex(State())
    private let capacity: Int

    /// `capacity`: how many; nil: what the process may spare.
    init(capacity: Int?) {
        var limit = rlimit()
        // An eighth of what the process may open, R102.
        let allowed =
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Int(clamping: limit.rlim_cur) : 1024
        self.capacity = capacity ?? min(1024, max(16, allowed / 8))
    }

    func keep(_ file: BodyFile, for id: Int64) {
        // What falls out is released after the unlock: closing it submits a job.
        let dropped: [BodyFile] = state.withLock { state in
            state.clock += 1
            state.files[id] = (file, state.clock)
            guard state.files.count > capacity else { return [] }
            // A quarter at a time, so that the sorting is rare.
            let oldest = state.files.sorted { $0.value.use < $1.value.use }.prefix(max(1, capacity / 4))
            for (id, _) in oldest { state.files[id] = nil }
            return oldest.map(\.value.file)
        }
        _ = consume dropped
    }

    func forget(_ id: Int64) {
        let dropped = state.withLock { $0.files.removeValue(forKey: id) }
        _ = consume dropped
    }

    func forgetAll() {
        let dropped = state.withLock { state in
            defer { state.files = [:] }
            return Array(state.files.values)
        }
        _ = consume dropped
    }
}
