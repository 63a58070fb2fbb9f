// What the tests of the store share: directories of their own, and writing and reading that wait for conditions
// and never for time.

import Dispatch
import Glibc
import HTTPSemantics
import Resume
import Store
import Synchronization
import Testing

/// A directory that goes when the test ends.
final class Scratch: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/holdfast-store-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made)
        path = template.withUnsafeBufferPointer { buffer in
            String(decoding: buffer.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    deinit { Self.remove(path) }

    var cache: String { path + "/cache" }

    /// The directory as a process that is killed now would leave it: what the kernel was given is there.
    func copyOfCache(_ from: String? = nil, named name: String) throws -> String {
        let copy = path + "/" + name
        try Self.copy(from ?? cache, to: copy)
        return copy
    }

    static func names(in path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { found.append(name) }
        }
        return found
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func remove(_ path: String) {
        if isDirectory(path) {
            for name in names(in: path) { remove(path + "/" + name) }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func copy(_ from: String, to: String) throws {
        if isDirectory(from) {
            mkdir(to, 0o700)
            for name in names(in: from) { try copy(from + "/" + name, to: to + "/" + name) }
        } else {
            try contents(of: from).write(to: to)
        }
    }

    static func contents(of path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY)
        try #require(file >= 0)
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count <= 0 { return bytes }
            bytes += buffer.prefix(count)
        }
    }

    /// The paths of all body files, relative to the cache directory.
    static func bodyFiles(in cache: String) -> [String] {
        names(in: cache + "/bodies").flatMap { part in
            names(in: cache + "/bodies/" + part).map { "bodies/\(part)/\($0)" }
        }
    }
}

extension [UInt8] {
    func write(to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        var done = 0
        while done < count {
            let written = withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), count - done) }
            try #require(written > 0)
            done += written
        }
    }
}

/// Changes one byte of a file.
func damage(_ path: String, at offset: Int) throws {
    let file = open(path, O_RDWR)
    try #require(file >= 0)
    defer { close(file) }
    var byte: UInt8 = 0
    try #require(pread(file, &byte, 1, off_t(offset)) == 1)
    byte ^= 0x40
    try #require(pwrite(file, &byte, 1, off_t(offset)) == 1)
}

/// Sentences that the store logged, and a clock that the test moves.
final class Surroundings: Sendable {
    private let lines = Mutex<[String]>([])
    private let clock = Mutex<Int64>(1_800_000_000)
    /// Rings with every sentence.
    let bell = Bell()

    var logged: [String] { lines.withLock { $0 } }
    func advance(seconds: Int64) { clock.withLock { $0 += seconds } }
    var now: Int64 { clock.withLock { $0 } }

    func configuration(_ directory: String, maxSize: Int64 = 1 << 30) -> StoreConfiguration {
        StoreConfiguration(
            directory: directory,
            maxSize: maxSize,
            minFree: 0,
            log: { line in
                self.lines.withLock { $0.append(line) }
                self.bell.ring()
            },
            now: { self.now }
        )
    }

    func open(_ directory: String, maxSize: Int64 = 1 << 30) throws -> Store {
        try Store.open(configuration(directory, maxSize: maxSize))
    }
}

/// Bytes that tell where they come from.
func pattern(_ range: Range<Int64>, seed: UInt64 = 1) -> [UInt8] {
    // Eight bytes a step: the tests need many of them.
    let words = range.isEmpty ? 0..<0 : range.lowerBound / 8..<(range.upperBound + 7) / 8
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.count * 8)
    for word in words {
        var value = UInt64(bitPattern: word) &* 0x9e37_79b9_7f4a_7c15 &+ seed
        value = (value ^ (value >> 29)) &* 0xbf58_476d_1ce4_e5b9
        value ^= value >> 32
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes.dropFirst(Int(range.lowerBound % 8)).prefix(range.count))
}

func key(_ text: String) throws -> CacheKey {
    CacheKey(try AbsoluteURI.parse(text).get())
}

func fields(_ lines: (String, String)...) -> FieldSection {
    var section = FieldSection()
    for (name, value) in lines { section.append(name: name, value: value) }
    return section
}

extension Store {
    /// A stored response with an entity tag.
    func make(
        _ text: String,
        completeLength: Int64?,
        tag: String = "\"one\"",
        requestFields: FieldSection = FieldSection(),
        expectsSmallBody: Bool = true
    ) throws -> StoredResponse {
        create(
            NewStoredResponse(
                key: try key(text),
                requestFields: requestFields,
                head: ResponseHead(status: 200, fields: fields(("ETag", tag), ("Content-Type", "text/plain"))),
                requestTime: 1_800_000_000,
                responseTime: 1_800_000_001,
                validator: EntityTag.parse(tag).map { .etag($0) },
                completeLength: completeLength,
                originAddress: "192.0.2.1",
                expectsSmallBody: expectsSmallBody
            )
        )
    }

    func lookUp(_ text: String) throws -> [StoredResponse] {
        let key = try key(text)
        let answer = Answer<[StoredResponse]>()
        find(key) { answer.give($0) }
        return try answer.wait()
    }
}

/// A value that another thread gives.
final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let semaphore = DispatchSemaphore(value: 0)

    func give(_ given: Value) {
        value.withLock { $0 = given }
        semaphore.signal()
    }

    func wait() throws -> Value {
        try #require(semaphore.wait(timeout: .now() + .seconds(20)) == .success)
        return try #require(value.withLock { $0 })
    }
}

/// Waits until a condition that other threads bring about holds; they signal it.
final class Bell: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func ring() { semaphore.signal() }

    func wait(until condition: () -> Bool) throws {
        while !condition() {
            try #require(semaphore.wait(timeout: .now() + .seconds(20)) == .success, "nothing happened for 20 s")
        }
    }
}

extension StoredBody {
    /// Writes bytes, in pieces as a socket gives them, and waits until they are written.
    func put(_ bytes: [UInt8], at offset: Int64, pieces: Int = 50_000) throws {
        let bell = Bell()
        let failure = Mutex<StoreError?>(nil)
        let written = Mutex(offset)
        let writer = openWriter(at: offset) { progress in
            switch progress {
            case .failed(let error): failure.withLock { $0 = error }
            case .written(let end, _): written.withLock { $0 = end }
            }
            bell.ring()
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            writer.append(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        writer.finish()
        let end = offset + Int64(bytes.count)
        try bell.wait { written.withLock { $0 == end } || failure.withLock { $0 != nil } }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    func compare(_ bytes: [UInt8], at offset: Int64) throws -> Comparison {
        let answer = Answer<Comparison>()
        matches(bytes, at: offset) { answer.give($0) }
        return try answer.wait()
    }

    /// What a reader gets of a range; ends early where something is missing.
    func get(_ range: Range<Int64>, window: Int = 300_000) throws -> [UInt8] {
        let bell = Bell()
        let wakes = Atomic<Int>(0)
        let reader = openReader {
            wakes.add(1, ordering: .relaxed)
            bell.ring()
        }
        defer { reader.close() }
        return try reader.get(range, window: window, bell: bell, wakes: wakes)
    }
}

extension BodyReader {
    /// The bytes of a range, as far as they come. `wakes` are counted, and then `bell` rings.
    func get(_ range: Range<Int64>, window: Int = 300_000, bell: Bell, wakes: borrowing Atomic<Int>) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var offset = range.lowerBound
        while offset < range.upperBound {
            let before = wakes.load(ordering: .relaxed)
            switch read(at: offset, atMost: min(window, Int(range.upperBound - offset))) {
            case .bytes(let slice):
                bytes += slice
                offset += Int64(slice.count)
            case .file(let descriptor, let part):
                try #require(part.lowerBound == offset && !part.isEmpty && part.upperBound <= range.upperBound)
                var buffer = [UInt8](repeating: 0, count: part.count)
                try #require(pread(descriptor, &buffer, buffer.count, off_t(part.lowerBound)) == buffer.count)
                bytes += buffer
                offset = part.upperBound
            case .later:
                try bell.wait { wakes.load(ordering: .relaxed) > before }
            case .missing, .failed:
                return bytes
            }
        }
        return bytes
    }
}
