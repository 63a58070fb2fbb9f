// What `status` shows of a version that is being filled.

import HTTPSemantics
import Resume
import Store
import Synchronization

/// What `status` shows of a version that is being filled.
package struct FillReport: Sendable {
    package struct Fill: Sendable {
        /// `asking`, `receiving`, `waiting` …
        package let state: String
        package let offset: Int64
        /// Exclusive; nil where the body's end is not known.
        package let end: Int64?
        package let bytesPerSecond: Int64
    }

    package let uri: String
    package let id: Int64
    package let completeLength: Int64?
    package let held: [Range<Int64>]
    package let readers: Int
    package let fills: [Fill]
    package let isFinishing: Bool
    package let isQueued: Bool
}

extension VersionFills {
    func report() -> FillReport {
        state.withLock { state in
            FillReport(
                uri: state.requester.uri.description,
                id: response.id,
                completeLength: body.completeLength,
                held: body.held.ranges,
                readers: state.readers.count,
                fills: state.fills.values.compactMap { running in
                    guard let extent = running.machine.extent else { return nil }
                    return FillReport.Fill(
                        state: running.machine.state.name,
                        offset: extent.offset,
                        end: extent.end,
                        bytesPerSecond: running.bytesPerSecond
                    )
                },
                isFinishing: state.background == .finishing,
                isQueued: state.background == .queued
            )
        }
    }
}

extension FillState {
    /// The state's name, as `status` shows it.
    var name: String {
        switch self {
        case .queued: "queued"
        case .asking: "asking"
        case .comparing: "comparing"
        case .receiving: "receiving"
        case .waiting: "waiting"
        case .parked: "parked"
        case .filled: "filled"
        case .failed: "failed"
        }
    }
}
