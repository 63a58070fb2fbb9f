// Superseded versions that are kept for their guard time (resume-rules 11): found for a client that holds a part of one, and
// for nobody else.

package import HTTPSemantics

extension Store {
    /// The superseded versions of a key that are still kept, in no order. The completion is called on a disk thread.
    package func findRetained(_ key: CacheKey, _ completion: @escaping @Sendable ([StoredResponse]) -> Void) {
        services.pool.submit {
            var loaded: [StoredResponse] = []
            do {
                loaded = try ResponseLoader(services: self.services, table: self.table).loadRetained(key)
            } catch {
                self.services.log("Reading the index failed: \(error)")
            }
            completion(self.table.restored(key, loaded))
        }
    }
}
