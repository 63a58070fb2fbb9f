// What is remembered of deliveries of one key (resume-rules 11): one record for each client and version, into
// which all deliveries of that client and version run together. A client may have several open at once (a
// download manager does), so they are counted: the record is open until the last of them has ended. Pure.

import Resume

/// The guard records of one key.
struct GuardRecords: Sendable {
    fileprivate struct Entry: Sendable {
        var record: GuardRecord
        /// Deliveries of this run that have begun and not ended.
        var open = 0
        /// An earlier run left it open: how far that delivery came will never be known.
        var wasLeftOpen = false
    }

    private var entries: [Entry] = []
    private static let most = 1024

    var count: Int { entries.count }

    /// The one that changed last comes last.
    var records: [GuardRecord] { entries.map(\.record) }

    /// Deliveries are under way, whose end is to be noted here.
    var hasOpenDeliveries: Bool { entries.contains { $0.open > 0 } }

    func record(client: String, version: Int64) -> GuardRecord? {
        entries.first { $0.record.client == client && $0.record.version == version }?.record
    }

    /// A delivery began (`isOpen`), or ended.
    mutating func note(_ record: GuardRecord) {
        var entry = take(record) ?? Entry(record: record)
        entry.open = record.isOpen ? entry.open + 1 : max(0, entry.open - 1)
        entry.merge(record)
        entries.append(entry)
        if entries.count > Self.most {
            entries.remove(at: entries.firstIndex { $0.open == 0 } ?? entries.startIndex)
        }
    }

    /// The index has this record. An open one is of an earlier run, or one that is known here already.
    mutating func load(_ record: GuardRecord) {
        guard var entry = take(record) else {
            entries.append(Entry(record: record, wasLeftOpen: record.isOpen))
            return
        }
        entry.wasLeftOpen = entry.wasLeftOpen || (record.isOpen && entry.open == 0)
        entry.merge(record)
        entries.append(entry)
    }

    mutating func sortByTime() { entries.sort { $0.record.at < $1.record.at } }

    private mutating func take(_ record: GuardRecord) -> Entry? {
        entries.firstIndex { $0.record.client == record.client && $0.record.version == record.version }
            .map { entries.remove(at: $0) }
    }
}

extension GuardRecords.Entry {
    fileprivate mutating func merge(_ other: GuardRecord) {
        record.highestByte = max(record.highestByte, other.highestByte)
        record.at = max(record.at, other.at)
        record.isOpen = open > 0 || wasLeftOpen
    }
}
