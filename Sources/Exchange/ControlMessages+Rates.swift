// What `status` tells of rates, and of what finishes or waits without a client. Rates are bytes per second.

package struct StatusRates: Codable, Sendable, Equatable {
    package struct Limit: Codable, Sendable, Equatable {
        package var directive: String
        package var bytesPerSecond: Int64

        package init(directive: String, bytesPerSecond: Int64) {
            self.directive = directive
            self.bytesPerSecond = bytesPerSecond
        }
    }

    /// The most that came from all origins in a second; 0: nothing was seen so far.
    package var link: Int64 = 0
    /// What of it clients took in the last second.
    package var clients: Int64 = 0
    /// `resume.background_rate` as it is written.
    package var backgroundSetting = "unlimited"
    /// What downloads without a client may take now; nil: as much as there is.
    package var background: Int64?
    package var limits: [Limit] = []
    /// Downloads that finish without a client, of so many places.
    package var finishing = 0
    package var places = 0
    package var waitingForPlace = 0
    /// They wait for the hours of `finish_between`.
    package var waitingForHours = 0

    package init() {}
}
