// docs/conformance.md as values: the rows of its tables, the exchanges that it knows Holdfast to fail, and what is wrong
// with either. It knows no folder and no exchange: what there is to name is handed in, so that faulty tables can be tried.

/// One row: a normative sentence, and what proves it.
struct ConformanceRow {
    /// `Storing: A response with …`, for messages.
    let title: String
    let section: String
    /// Paths below the folder of the project.
    let sources: [String]
    let proofs: [Proof]

    enum Proof: Hashable {
        /// `group/id`
        case exchange(String)
        /// `group/prefix-*`: all whose names begin so.
        case exchanges(prefix: String)
        /// `Target/File.swift: "name"`
        case test(file: String, name: String)
        case unreadable(String)
    }
}

/// What a table can name.
struct ConformanceProject {
    /// The names of all exchanges, one as often as it is there.
    let exchanges: [String]
    /// Those that Holdfast fails knowingly.
    let deviating: Set<String>
    /// Whether there is such a file, by its path below the folder of the project.
    let hasFile: (String) -> Bool
    /// The names of the tests in a file below `Tests/`; nil where there is no such file.
    let tests: (String) -> Set<String>?
}

struct ConformanceTable {
    /// The headings that have to be there, each with a table of its own.
    static let groups = [
        "Storing", "Reuse", "Validation", "Invalidation", "Ranges", "Messages", "Cache-Status", "Proxy-Status",
    ]
    private static let columns = ["Statement", "Section", "Implemented in", "Proved by"]
    private static let deviationHeading = "Where Holdfast does otherwise, and why"

    private(set) var rows: [ConformanceRow] = []
    /// The exchanges that the section on deviations names.
    private(set) var deviations: [String] = []
    private var rowsOfGroup: [String: Int] = [:]
    private var faults: [String] = []

    init(markdown: String) {
        var heading = ""
        for line in markdown.split(separator: "\n", omittingEmptySubsequences: true) {
            if line.hasPrefix("## ") {
                heading = String(line.dropFirst(3))
            } else if line.hasPrefix("|") {
                read(Self.cells(line), under: heading)
            }
        }
    }

    private mutating func read(_ cells: [String], under heading: String) {
        if cells.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0 == "-" } }) { return }
        if heading == Self.deviationHeading {
            deviations += Self.code(in: cells.first ?? "")
            return
        }
        guard Self.groups.contains(heading) else { return }
        guard cells.count == Self.columns.count else {
            faults.append("\(heading): \(cells.count) columns in the row \(cells.first ?? "")")
            return
        }
        if cells == Self.columns { return }
        rowsOfGroup[heading, default: 0] += 1
        rows.append(
            ConformanceRow(
                title: "\(heading): \(cells[0])",
                section: cells[1],
                sources: Self.code(in: cells[2]),
                proofs: Self.code(in: cells[3]).map(Self.proof)
            )
        )
    }

    // MARK: What is wrong

    /// A sentence for everything that is wrong; empty where nothing is.
    func complaints(against project: ConformanceProject) -> [String] {
        let known = Set(project.exchanges)
        let tests = testNames(of: project)
        var complaints = faults
        complaints += Self.groups.filter { rowsOfGroup[$0] == nil }.map { "\($0): the table has no row" }
        complaints += Self.repeated(project.exchanges).map { "\($0): two exchanges have this name" }
        complaints += Self.repeated(rows.map(\.title)).map { "\($0) stands there twice" }
        for row in rows {
            if !row.section.contains("§") { complaints.append("\(row.title) names no section") }
            if row.sources.isEmpty { complaints.append("\(row.title) is implemented nowhere") }
            complaints += row.sources.filter { !project.hasFile($0) }.map { "\(row.title): there is no file \($0)" }
            if row.proofs.isEmpty { complaints.append("\(row.title) has no proof") }
            complaints += Self.repeated(row.proofs).map { "\(row.title): \($0) stands there twice" }
            complaints += row.proofs.compactMap { fault(of: $0, known, tests, project.deviating) }.map {
                "\(row.title): \($0)"
            }
        }
        complaints += unmentioned(project.exchanges)
        let listed = Set(deviations)
        complaints += listed.subtracting(project.deviating).map { "\($0) is listed, and is no deviation" }
        complaints += project.deviating.subtracting(listed).map { "\($0) is a deviation, and is not listed" }
        return complaints.sorted()
    }

    /// The names of the tests in each file that a row names; none for a file that there is not.
    private func testNames(of project: ConformanceProject) -> [String: Set<String>] {
        var names: [String: Set<String>] = [:]
        for case .test(let file, _) in rows.flatMap(\.proofs) where names[file] == nil {
            names[file] = project.tests(file)
        }
        return names
    }

    private func fault(
        of proof: ConformanceRow.Proof,
        _ known: Set<String>,
        _ tests: [String: Set<String>],
        _ deviating: Set<String>
    ) -> String? {
        switch proof {
        case .exchange(let name):
            guard known.contains(name) else { return "there is no exchange \(name)" }
            return deviating.contains(name) ? "\(name) fails, and proves nothing" : nil
        case .exchanges(let prefix):
            let isProved = known.contains { $0.hasPrefix(prefix) && !deviating.contains($0) }
            return isProved ? nil : "there is no exchange \(prefix)*"
        case .test(let file, let name):
            guard let names = tests[file] else { return "there is no file Tests/\(file)" }
            return names.contains(name) ? nil : "there is no test \"\(name)\" in \(file)"
        case .unreadable(let text):
            return "\(text) names neither an exchange nor a test"
        }
    }

    /// The groups of exchanges that no row draws on.
    private func unmentioned(_ exchanges: [String]) -> [String] {
        var mentioned: Set<Substring> = []
        for proof in rows.flatMap(\.proofs) {
            switch proof {
            case .exchange(let name), .exchanges(let name): mentioned.insert(name.prefix { $0 != "/" })
            case .test, .unreadable: break
            }
        }
        let groups = Set(exchanges.map { $0.prefix { $0 != "/" } })
        return groups.subtracting(mentioned).map { "no row is proved by an exchange of the group \($0)" }
    }

    private static func repeated<Element: Hashable>(_ elements: [Element]) -> [Element] {
        Dictionary(grouping: elements, by: \.self).filter { $0.value.count > 1 }.map(\.key)
    }

    // MARK: Reading

    /// The cells of a row. No cell holds a bar.
    private static func cells(_ line: Substring) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map(trimmed)
    }

    /// What stands between backticks.
    private static func code(in cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { !$0.offset.isMultiple(of: 2) }.map { String($0.element) }
    }

    private static func proof(_ text: String) -> ConformanceRow.Proof {
        let marker = ".swift: \""
        if let range = text.firstRange(of: marker), text.hasSuffix("\""), range.upperBound < text.endIndex {
            return .test(file: text[..<range.lowerBound] + ".swift", name: String(text[range.upperBound...].dropLast()))
        }
        guard text.contains("/"), !text.contains(" ") else { return .unreadable(text) }
        if text.hasSuffix("*") { return .exchanges(prefix: String(text.dropLast())) }
        return .exchange(text)
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
