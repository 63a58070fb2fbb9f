// The copy of a complete download out of the cache into a file of the user's. It is written beside its final name, and
// takes it only when all of it is there and has the digest that was wanted.

import ArgumentParser
import Digests
import Exchange
import Glibc
import HTTPSemantics

struct FetchOutput {
    let path: String
    /// nil where nothing was said.
    let wanted: DigestValue?

    /// Ours alone: a `.part` may be another program's.
    private var partial: String { path + ".holdfast" }

    /// Said before anything is fetched, and not after hours.
    func checkPlace() throws {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw CommandFailure("\(path) is a directory; --output wants the name of a file.")
        }
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard access(folder, W_OK | X_OK) == 0 else { throw failure("No file can be made in \(folder)", errno) }
    }

    func copy(_ id: Int64, through door: CacheDoor) throws {
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw failure("\(partial) cannot be written", errno) }
        do {
            try write(id, door, descriptor)
        } catch {
            close(descriptor)
            unlink(partial)
            throw error
        }
        // What cannot be flushed may not be on the disk, whatever the writes said.
        let isFlushed = fsync(descriptor) == 0 || errno == EINVAL
        let code = errno
        close(descriptor)
        guard isFlushed else { throw failure("\(partial) cannot be written", code) }
        guard rename(partial, path) == 0 else { throw failure("\(path) cannot be written", errno) }
    }

    private func write(_ id: Int64, _ door: CacheDoor, _ descriptor: Int32) throws {
        var digest = RunningDigest(.sha256)
        var length: Int64?
        var written: Int64 = 0
        var problem: (any Error)?
        try door.ask(.content(id: id)) { answer in
            guard case .content(let part) = answer else { return true }
            length = part.length
            if wanted != nil { digest.update(part.bytes) }
            do throws(LogWriteFailure) {
                try DescriptorSink(descriptor: descriptor).write(part.bytes)
                written += Int64(part.bytes.count)
                return true
            } catch {
                problem = CommandFailure("\(partial) cannot be written: \(error)")
                return false
            }
        }
        if let problem { throw problem }
        guard let length, written == length else {
            throw CommandFailure("Only \(written) bytes of download \(id) could be copied.")
        }
        if let wanted {
            guard digest.equals(wanted) else {
                let found = DigestValue(wanted.algorithm, digest.bytes)?.hexadecimal ?? ""
                Output.complain("The SHA-256 of the copy is \(found), not \(wanted.hexadecimal).")
                throw ExitCode(3)
            }
        }
    }

    private func failure(_ sentence: String, _ code: Int32) -> CommandFailure {
        CommandFailure("\(sentence): \(String(cString: strerror(code))).")
    }
}
