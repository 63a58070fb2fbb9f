// What is remembered of an origin, as a row of the index (resume-rules 11, "Origin memory"). The bytes mean something to
// Resume's OriginCapabilities only; here they are kept for weeks, and within bounds.

/// One origin of the index.
package struct RememberedOrigin: Sendable, Equatable {
    /// Scheme, host and port.
    package let name: String
    /// `OriginCapabilities.bytes`.
    package let memory: [UInt8]
    /// When something was last learnt: seconds since 1970 UTC.
    package let at: Int64

    package init(name: String, memory: [UInt8], at: Int64) {
        self.name = name
        self.memory = memory
        self.at = at
    }

    /// More are not kept: those of which nothing was learnt for longest go.
    package static let limit = 4096
}

extension Store {
    /// All that is remembered, the latest first. Blocking; never on a loop.
    package func rememberedOrigins() -> [RememberedOrigin] {
        var found: [RememberedOrigin] = []
        do {
            try services.connections.read { database in
                try database.query(
                    "SELECT name, memory, at FROM origin ORDER BY at DESC LIMIT ?",
                    [.integer(Int64(RememberedOrigin.limit))]
                ) { row in
                    found.append(RememberedOrigin(name: row.text(0), memory: row.blob(1), at: row.integer(2)))
                    return true
                }
            }
        } catch {
            services.log("Reading the index failed: \(error)")
        }
        return found
    }

    /// Written with the next claim. May be called from any thread.
    package func remember(_ origin: RememberedOrigin) { services.mailbox.learnt(origin) }
}

extension IndexWriter {
    func write(_ origins: [RememberedOrigin]) throws {
        guard !origins.isEmpty else { return }
        for origin in origins {
            try database.run(
                "INSERT OR REPLACE INTO origin (name, memory, at) VALUES (?,?,?)",
                [.text(origin.name), .blob(origin.memory), .integer(origin.at)]
            )
        }
        try database.run(
            "DELETE FROM origin WHERE name IN (SELECT name FROM origin ORDER BY at DESC LIMIT -1 OFFSET ?)",
            [.integer(Int64(RememberedOrigin.limit))]
        )
    }
}
