// Whether it is worth beginning to store a body: asked before a fill begins, so that what cannot be kept
// passes through from its first byte (hardening 2.2 items 5 and 6, R57).

extension Store {
    /// How much room a new fill must find (hardening 2.2 item 6), bytes.
    private static let reserve: Int64 = 8 << 20

    /// Whether a body of this complete length (nil: unknown) can be stored, as far as can be told before it comes.
    /// May be used from any thread; asks the file system for its free space.
    package func mayStore(completeLength: Int64?) -> Bool {
        guard !services.health.isOff else { return false }
        if let completeLength, completeLength > services.quota.largestBody { return false }
        let needed = min(completeLength ?? Self.reserve, Self.reserve)
        // What is held can be evicted for it, but for what is in use: whether that is enough is seen as it comes.
        return services.quota.excess(for: needed) <= services.quota.heldBytes
    }

    /// How many bytes more a body may get that holds so many already, if all others that are held go for it; nil where the
    /// disk does not say. May be used from any thread; asks the file system for its free space.
    package func room(beside held: Int64) -> Int64? {
        services.health.isOff ? 0 : services.quota.room(beside: held)
    }
}
