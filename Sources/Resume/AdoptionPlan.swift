// A file that another program left behind is taken for a part of what an origin has now (rule 11's probe, applied to
// bytes that this cache has not received itself). Which parts of it are asked for again and compared, and what the
// answers must agree in, is said here. It knows no file and no origin.

package import HTTPSemantics

/// Which bytes of a file are adopted, and which of them are compared first.
package struct AdoptionPlan: Sendable, Equatable {
    /// So many bytes at the end of each run are compared, and so many at the start of the first.
    package static let probe: Int64 = 65_536
    /// More runs than these are not adopted: the largest are.
    package static let runsAtMost = 16

    /// What is adopted: sorted, disjoint, half-open.
    package let runs: [Range<Int64>]
    /// What is asked for and compared, the most telling first: the end of the last run.
    package let probes: [Range<Int64>]

    /// nil where no run is long enough to be compared.
    ///
    /// - Parameter held: what the file holds; a run shorter than a probe is left out.
    package init?(held: ByteRangeSet) {
        let long = held.ranges.filter { $0.upperBound - $0.lowerBound >= Self.probe }
        let largest = long.sorted { $0.upperBound - $0.lowerBound > $1.upperBound - $1.lowerBound }
        runs = largest.prefix(Self.runsAtMost).sorted { $0.lowerBound < $1.lowerBound }
        guard let first = runs.first else { return nil }
        var probes = runs.reversed().map { $0.upperBound - Self.probe..<$0.upperBound }
        // What begins differently may well end alike.
        let start = first.lowerBound..<first.lowerBound + Self.probe
        if let end = probes.last, end.lowerBound >= start.upperBound { probes.append(start) }
        self.probes = probes
    }

    /// Why the origin's representation is not what the file is a part of.
    package enum Refusal: Error, Equatable, Sendable {
        /// The origin's is shorter than the file.
        case tooLong(completeLength: Int64)
        /// Nothing proves that two answers are of one version, and the file is a part (resume-rules 1).
        case noStrongValidator
        case lengthUnknown

        package var sentence: String {
            switch self {
            case .tooLong(let length): "The origin's has only \(length) bytes, fewer than the file."
            case .noStrongValidator:
                "The origin gives no strong validator: nothing could be added to the file, and it is not the whole."
            case .lengthUnknown: "The origin does not say how long it is."
            }
        }
    }

    /// What the first answer says of the file.
    ///
    /// - Parameter validator: of the answer; nil where it has no strong one.
    package func judge(completeLength: Int64?, validator: StrongValidator?) -> Refusal? {
        guard let completeLength else { return .lengthUnknown }
        let end = runs.last?.upperBound ?? 0
        guard end <= completeLength else { return .tooLong(completeLength: completeLength) }
        if validator == nil, runs != [0..<completeLength] { return .noStrongValidator }
        return nil
    }
}
