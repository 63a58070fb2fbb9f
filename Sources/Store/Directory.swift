// The cache directory: whom it must belong to, how wide its rights may be, who holds its lock, and how files in
// it are opened (R100). Names below it are made by us and contain nothing foreign.

import CSystemCalls
import Glibc
import Synchronization

/// The opened, checked and locked cache directory.
final class Directory: Sendable {
    /// As it was configured: for SQLite, which opens files by path.
    let path: String
    /// The directory itself.
    private let descriptor: Int32
    private let lock: Mutex<Int32?>

    static let indexName = "index.sqlite"
    /// The index and the files that SQLite keeps beside it.
    static let indexFiles = [indexName, indexName + "-wal", indexName + "-shm"]
    private static let lockName = "lock"

    var indexPath: String { path + "/" + Self.indexName }

    /// Makes the directory where it does not exist, checks it, and takes its lock.
    init(path: String) throws(StoreError) {
        self.path = path
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw StoreError(.unusable, "The cache directory \(path) cannot be made: \(Self.reason(errno)).")
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let directory = csystem_openat(AT_FDCWD, path, flags, 0)
        guard directory >= 0 else {
            let code = errno
            if code == ELOOP || Self.isSymbolicLink(path) {
                throw StoreError(.unsafe, "The cache directory \(path) is a symbolic link; name the directory itself.")
            }
            throw StoreError(.unusable, "The cache directory \(path) cannot be opened: \(Self.reason(code)).")
        }
        do throws(StoreError) {
            try Self.claim(directory, named: "The cache directory \(path)", mode: 0o700)
            lock = Mutex(try Self.takeLock(in: directory, path: path))
        } catch {
            close(directory)
            throw error
        }
        descriptor = directory
        do throws(StoreError) {
            try makeDirectory("bodies")
            for name in Self.indexFiles { try checkFile(name) }
        } catch {
            unlock()
            close(descriptor)
            throw error
        }
    }

    deinit {
        unlock()
        close(descriptor)
    }

    /// Lets another process have the directory. The descriptor stays: what is still read is opened through it.
    func unlock() {
        let held = lock.withLock { lock in
            defer { lock = nil }
            return lock
        }
        if let held { close(held) }
    }

    // MARK: Files

    /// Opens a file below the directory, never through a symbolic link. -1 and errno where that fails.
    func open(_ name: String, _ flags: Int32, mode: mode_t = 0o600) -> Int32 {
        csystem_openat(descriptor, name, flags | O_NOFOLLOW | O_CLOEXEC, mode)
    }

    /// Makes a file that does not exist, so that SQLite finds it with rights as they should be.
    func touch(_ name: String) throws(StoreError) {
        let file = open(name, O_RDWR | O_CREAT)
        guard file >= 0 else { throw StoreError.system("\(path)/\(name) cannot be made", errno: errno) }
        close(file)
    }

    /// Makes a directory and checks whose it is. true where it was not there before.
    @discardableResult
    func makeDirectory(_ name: String) throws(StoreError) -> Bool {
        let isNew = mkdirat(descriptor, name, 0o700) == 0
        if !isNew, errno != EEXIST { throw StoreError.system("\(path)/\(name) cannot be made", errno: errno) }
        let directory = open(name, O_RDONLY | O_DIRECTORY)
        guard directory >= 0 else {
            throw StoreError(.unsafe, "\(path)/\(name) is not a directory of its own: \(Self.reason(errno)).")
        }
        defer { close(directory) }
        try Self.claim(directory, named: "\(path)/\(name)", mode: 0o700)
        return isNew
    }

    /// false where there was nothing to remove, or it could not be removed.
    @discardableResult
    func unlink(_ name: String) -> Bool { unlinkat(descriptor, name, 0) == 0 }

    func removeDirectory(_ name: String) { unlinkat(descriptor, name, AT_REMOVEDIR) }

    @discardableResult
    func rename(_ name: String, to other: String) -> Bool {
        renameat(descriptor, name, descriptor, other) == 0
    }

    /// The size of a regular file in bytes; nil where there is none.
    func size(of name: String) -> Int64? { room(of: name)?.size }

    /// The size of a regular file, and what the disk has given to it; nil where there is none.
    func room(of name: String) -> BodyFile.Room? {
        var status = stat()
        guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return BodyFile.Room(status)
    }

    /// The names in a directory, without `.` and `..`.
    func names(in name: String) -> [String] {
        let directory = open(name, O_RDONLY | O_DIRECTORY)
        guard directory >= 0 else { return [] }
        guard let stream = fdopendir(directory) else {
            close(directory)
            return []
        }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let text = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if text != ".", text != ".." { found.append(text) }
        }
        return found
    }

    /// Brings the entries of a directory to the disk: 0, or errno.
    func flushEntries(of name: String) -> Int32 {
        let directory = open(name, O_RDONLY | O_DIRECTORY)
        guard directory >= 0 else { return errno }
        defer { close(directory) }
        return fsync(directory) == 0 ? 0 : errno
    }

    /// The free and the whole bytes of the disk that the directory is on.
    func space() -> (free: Int64, total: Int64)? {
        var status = statvfs()
        guard fstatvfs(descriptor, &status) == 0 else { return nil }
        let unit = Int64(clamping: status.f_frsize)
        let free = Int64(clamping: status.f_bavail).multipliedReportingOverflow(by: unit)
        let total = Int64(clamping: status.f_blocks).multipliedReportingOverflow(by: unit)
        return (free.overflow ? .max : free.partialValue, total.overflow ? .max : total.partialValue)
    }

    // MARK: Checks

    /// What is there has to be a regular file of ours; wider rights become 0600.
    private func checkFile(_ name: String) throws(StoreError) {
        let file = open(name, O_RDONLY | O_NONBLOCK)
        guard file >= 0 else {
            if errno == ENOENT { return }
            throw StoreError(.unsafe, "\(path)/\(name) is not a file of its own: \(Self.reason(errno)).")
        }
        defer { close(file) }
        try Self.claim(file, named: "\(path)/\(name)", mode: 0o600)
    }

    /// R100: foreign-owned is refused; ours with wider rights is narrowed.
    private static func claim(_ file: Int32, named name: String, mode: mode_t) throws(StoreError) {
        var status = stat()
        guard fstat(file, &status) == 0 else {
            throw StoreError(.unusable, "\(name) cannot be examined: \(reason(errno)).")
        }
        guard status.st_uid == geteuid() else {
            throw StoreError(.unsafe, "\(name) belongs to another user; the cache needs a directory of its own.")
        }
        let isWhatItShouldBe = status.st_mode & S_IFMT == (mode == 0o700 ? S_IFDIR : S_IFREG)
        guard isWhatItShouldBe else { throw StoreError(.unsafe, "\(name) is not what the cache keeps there.") }
        if status.st_mode & 0o777 & ~mode != 0, fchmod(file, mode) != 0 {
            throw StoreError(.unsafe, "The rights of \(name) cannot be narrowed: \(reason(errno)).")
        }
    }

    /// A process that is just ending may hold the lock a moment longer: it is asked for again for half a second.
    private static func isLocked(_ file: Int32) -> Bool {
        for _ in 0..<50 {
            if csystem_lock_exclusively(file) == 0 { return true }
            usleep(10_000)
        }
        return false
    }

    private static func takeLock(in directory: Int32, path: String) throws(StoreError) -> Int32 {
        let file = csystem_openat(directory, lockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard file >= 0 else {
            throw StoreError(.unsafe, "\(path)/\(lockName) cannot be opened: \(reason(errno)).")
        }
        do throws(StoreError) {
            try claim(file, named: "\(path)/\(lockName)", mode: 0o600)
            guard isLocked(file) else {
                throw StoreError(.locked, "The cache directory \(path) is in use by another process.")
            }
        } catch {
            close(file)
            throw error
        }
        return file
    }

    private static func isSymbolicLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
