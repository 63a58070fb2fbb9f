// A thin wrapper over libsqlite3: open, run, query, with statements kept prepared. One thread at a time uses a
// connection. It knows no table.

import CSQLite

/// A value that goes into or comes out of a statement.
enum SQLValue: Sendable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    static func optional(_ integer: Int64?) -> SQLValue { integer.map { .integer($0) } ?? .null }
}

/// An error that SQLite reported.
struct DatabaseError: Error {
    let code: Int32
    let message: String

    /// The file is not, or is no longer, a sound database (hardening 2.2 item 7).
    var isCorruption: Bool { code & 0xff == SQLITE_CORRUPT || code & 0xff == SQLITE_NOTADB }
    var isFull: Bool { code & 0xff == SQLITE_FULL }
}

/// One connection.
final class Database {
    private var handle: OpaquePointer?
    private var statements: [String: OpaquePointer] = [:]

    /// `mmap_size` stays 0: a mapped file that somebody truncates is a SIGBUS, and whatever happens to the
    /// cache directory the proxy keeps proxying (hardening 2.4).
    init(path: String, mayWrite: Bool) throws {
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK else {
            let error = failure(code)
            sqlite3_close_v2(handle)
            handle = nil
            throw error
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 5000)
        if !mayWrite { try execute("PRAGMA query_only = ON") }
    }

    deinit { close() }

    func close() {
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        if let handle { sqlite3_close_v2(handle) }
        handle = nil
    }

    /// Runs statements that take no values; they are not kept.
    func execute(_ sql: String) throws {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// Runs one statement to its end.
    func run(_ sql: String, _ values: [SQLValue] = []) throws {
        try query(sql, values) { _ in true }
    }

    /// Runs one query; `body` answers whether it wants the next row.
    func query(_ sql: String, _ values: [SQLValue] = [], _ body: (Row) throws -> Bool) throws {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() { try bind(value, to: statement, at: Int32(index + 1)) }
        while true {
            let code = sqlite3_step(statement)
            switch code {
            case SQLITE_ROW:
                guard try body(Row(statement: statement)) else { return }
            case SQLITE_DONE:
                return
            default:
                throw failure(code)
            }
        }
    }

    /// The first column of the first row, as a number.
    func number(_ sql: String, _ values: [SQLValue] = []) throws -> Int64? {
        var found: Int64?
        try query(sql, values) { row in
            found = row.optionalInteger(0)
            return false
        }
        return found
    }

    /// The rows that the last statement changed.
    var changes: Int { Int(sqlite3_changes(handle)) }

    private func prepared(_ sql: String) throws -> OpaquePointer {
        if let known = statements[sql] { return known }
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code) }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: SQLValue, to statement: OpaquePointer, at index: Int32) throws {
        // SQLITE_TRANSIENT: SQLite copies the bytes, so that none has to outlive this call.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        let code: Int32
        switch value {
        case .null:
            code = sqlite3_bind_null(statement, index)
        case .integer(let number):
            code = sqlite3_bind_int64(statement, index, number)
        case .text(let text):
            code = sqlite3_bind_text(statement, index, text, -1, copied)
        case .blob(let bytes):
            code =
                bytes.isEmpty
                ? sqlite3_bind_zeroblob(statement, index, 0)
                : bytes.withUnsafeBytes {
                    sqlite3_bind_blob64(statement, index, $0.baseAddress, sqlite3_uint64($0.count), copied)
                }
        }
        guard code == SQLITE_OK else { throw failure(code) }
    }

    private func failure(_ code: Int32) -> DatabaseError {
        let message = handle.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(code)
        return DatabaseError(code: code, message: message.map { String(cString: $0) } ?? "error \(code)")
    }
}

/// The row that a query stands on; valid only inside its callback.
struct Row {
    fileprivate let statement: OpaquePointer

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func optionalInteger(_ column: Int32) -> Int64? {
        sqlite3_column_type(statement, column) == SQLITE_NULL ? nil : integer(column)
    }

    func text(_ column: Int32) -> String {
        sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(statement, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
    }
}
