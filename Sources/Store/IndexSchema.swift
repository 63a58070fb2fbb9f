// The tables of the index, how it is opened, and how older ones are brought up to date. An index that cannot be
// read, or that a later program has written, is set aside and a new one begun: a cache may always be thrown
// away, it may never be guessed (hardening 2.2 item 7).

import CSQLite
import Glibc

enum IndexSchema {
    /// `PRAGMA user_version`.
    static let version: Int64 = 4

    /// Each brings an index of that number of migrations to the next number.
    private static let migrations: [String] = [
        """
        CREATE TABLE stored_response (
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL,
            uri TEXT NOT NULL,
            request_fields BLOB NOT NULL,
            head BLOB NOT NULL,
            request_time INTEGER NOT NULL,
            response_time INTEGER NOT NULL,
            validator_kind INTEGER NOT NULL,
            validator TEXT NOT NULL,
            validator_seconds INTEGER NOT NULL,
            complete_length INTEGER,
            origin_address TEXT NOT NULL,
            in_row INTEGER NOT NULL,
            size INTEGER NOT NULL,
            hits INTEGER NOT NULL,
            last_use INTEGER NOT NULL,
            invalidated INTEGER NOT NULL,
            superseded_until INTEGER,
            pinned INTEGER NOT NULL DEFAULT 0,
            checksum INTEGER NOT NULL,
            body BLOB
        );
        CREATE INDEX stored_response_key ON stored_response (key);
        CREATE INDEX stored_response_use ON stored_response ((superseded_until IS NULL), last_use);
        CREATE TABLE segment (
            body INTEGER NOT NULL,
            number INTEGER NOT NULL,
            flushed INTEGER NOT NULL,
            pieces BLOB NOT NULL,
            PRIMARY KEY (body, number)
        ) WITHOUT ROWID;
        CREATE INDEX segment_open ON segment (body) WHERE flushed = 0;
        CREATE TABLE download (
            response INTEGER PRIMARY KEY,
            state INTEGER NOT NULL,
            since INTEGER NOT NULL,
            uri TEXT NOT NULL,
            wanted BLOB NOT NULL,
            request_fields BLOB NOT NULL
        );
        CREATE TABLE guard (
            key BLOB NOT NULL,
            client TEXT NOT NULL,
            version INTEGER NOT NULL,
            highest INTEGER NOT NULL,
            at INTEGER NOT NULL,
            open INTEGER NOT NULL,
            PRIMARY KEY (key, client, version)
        ) WITHOUT ROWID;
        CREATE INDEX guard_age ON guard (at);
        CREATE TABLE totals (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            entries INTEGER NOT NULL,
            bytes INTEGER NOT NULL,
            unfinished INTEGER NOT NULL,
            next_id INTEGER NOT NULL
        );
        INSERT INTO totals VALUES (1, 0, 0, 0, 1);
        """,
        """
        CREATE TABLE queued_download (
            id INTEGER PRIMARY KEY,
            url TEXT NOT NULL,
            target TEXT NOT NULL,
            version INTEGER NOT NULL,
            state INTEGER NOT NULL,
            position INTEGER NOT NULL,
            added INTEGER NOT NULL,
            changed INTEGER NOT NULL,
            sha256 TEXT NOT NULL,
            reason TEXT NOT NULL
        );
        """,
        """
        CREATE TABLE origin (
            name TEXT PRIMARY KEY,
            memory BLOB NOT NULL,
            at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX origin_age ON origin (at);
        """,
        """
        ALTER TABLE stored_response ADD COLUMN digest TEXT NOT NULL DEFAULT '';
        """,
    ]

    struct Opened {
        let database: Database
        let totals: Totals
        /// No id below this one is given again; every file with a lower id was made by an earlier run.
        let firstID: Int64
    }

    struct Totals: Sendable {
        var entries: Int64
        var bytes: Int64
        var unfinished: Int64
    }

    /// Opens the index, or sets it aside and begins a new one.
    static func open(
        in directory: Directory,
        now: Int64,
        log: (String) -> Void
    ) throws(StoreError) -> Opened {
        if directory.size(of: damageMark) != nil {
            setAside(directory, now: now, why: "it was found damaged", log: log)
            directory.unlink(damageMark)
        }
        do {
            return try begin(in: directory, now: now)
        } catch {
            guard error.isReasonToSetAside else {
                throw StoreError(.unusable, "The index \(directory.indexPath) cannot be opened: \(error.sentence).")
            }
            setAside(directory, now: now, why: error.sentence, log: log)
        }
        do {
            return try begin(in: directory, now: now)
        } catch {
            throw StoreError(.unusable, "The index \(directory.indexPath) cannot be made: \(error.sentence).")
        }
    }

    /// Where this name exists the index is set aside at the next start.
    static let damageMark = "index.damaged"

    private enum Failure: Error {
        case laterSchema(Int64)
        case database(DatabaseError)
        case directory(StoreError)

        var isReasonToSetAside: Bool {
            switch self {
            case .laterSchema: true
            case .database(let error): error.isCorruption || error.code & 0xff == SQLITE_ERROR
            case .directory: false
            }
        }

        var sentence: String {
            switch self {
            case .laterSchema(let version): "a later program has written it (schema \(version))"
            case .database(let error): error.message
            case .directory(let error): error.sentence
            }
        }
    }

    private static func begin(in directory: Directory, now: Int64) throws(Failure) -> Opened {
        do throws(StoreError) {
            try directory.touch(Directory.indexName)
        } catch {
            throw .directory(error)
        }
        do {
            let database = try Database(path: directory.indexPath, mayWrite: true)
            do {
                return try prepare(database, now: now)
            } catch {
                database.close()
                throw error
            }
        } catch let error as DatabaseError {
            throw .database(error)
        } catch let error as Failure {
            throw error
        } catch {
            throw .database(DatabaseError(code: SQLITE_ERROR, message: "\(error)"))
        }
    }

    private static func prepare(_ database: Database, now: Int64) throws -> Opened {
        try database.execute("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        let found = try database.number("PRAGMA user_version") ?? 0
        guard found <= version else { throw Failure.laterSchema(found) }
        try database.execute("BEGIN IMMEDIATE")
        for migration in migrations.dropFirst(Int(max(0, found))) { try database.execute(migration) }
        try database.execute("PRAGMA user_version = \(version)")
        // Ids of this run begin beyond every id that an earlier run may have used without writing a row for it,
        // and, should the index be lost, beyond those of the lost one as long as the clock goes forward.
        let known = try database.number("SELECT next_id FROM totals") ?? 1
        let firstID = max(known, (now & 0xffff_ffff) << 20)
        try database.run("UPDATE totals SET next_id = ?", [.integer(firstID + (1 << 32))])
        try database.execute("COMMIT")
        var totals: Totals?
        try database.query("SELECT entries, bytes, unfinished FROM totals") { row in
            totals = Totals(entries: row.integer(0), bytes: row.integer(1), unfinished: row.integer(2))
            return false
        }
        guard let totals else { throw DatabaseError(code: SQLITE_CORRUPT, message: "the totals are missing") }
        return Opened(database: database, totals: totals, firstID: firstID)
    }

    /// The index and all bodies get other names; recovery deletes the bodies. One old index is kept to look at.
    private static func setAside(_ directory: Directory, now: Int64, why: String, log: (String) -> Void) {
        for name in directory.names(in: ".") where name.hasPrefix(asidePrefix) { directory.unlink(name) }
        for name in Directory.indexFiles { directory.rename(name, to: asidePrefix + name) }
        directory.rename("bodies", to: "\(orphanedBodiesPrefix)\(now)-\(monotonicNanoseconds())")
        _ = try? directory.makeDirectory("bodies")
        log("The index was set aside as \(asidePrefix)\(Directory.indexName), and the cache starts empty: \(why).")
    }

    private static let asidePrefix = "unreadable-"
    /// Directories of this prefix hold bodies that no index knows.
    static let orphanedBodiesPrefix = "orphaned-bodies-"
}
