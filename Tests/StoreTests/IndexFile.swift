// The index of a store that is closed, as the tests change it or look into it.

import CSQLite
import Testing

/// Runs statements on the index of a cache directory.
func execute(_ sql: String, in cache: String) throws {
    var handle: OpaquePointer?
    try #require(sqlite3_open(cache + "/index.sqlite", &handle) == SQLITE_OK)
    defer { sqlite3_close(handle) }
    try #require(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
}

/// The first column of the first row, as a number.
func number(_ sql: String, in cache: String) throws -> Int64 {
    var handle: OpaquePointer?
    try #require(sqlite3_open(cache + "/index.sqlite", &handle) == SQLITE_OK)
    defer { sqlite3_close(handle) }
    var statement: OpaquePointer?
    try #require(sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK)
    defer { sqlite3_finalize(statement) }
    try #require(sqlite3_step(statement) == SQLITE_ROW)
    return sqlite3_column_int64(statement, 0)
}
