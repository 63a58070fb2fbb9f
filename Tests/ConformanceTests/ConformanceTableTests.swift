// docs/conformance.md names what there is, and leaves no group of exchanges out; and the reader of the table can say no.
// That a named test fails when its rule is taken out is shown by breaking the rule, not here.

import Foundation
import Testing

@Suite("Conformance: the table names what there is")
struct ConformanceTableTests {
    /// With other data files the table is not about what is played.
    private static let hasOwnExchanges = ProcessInfo.processInfo.environment["CONFORMANCE_EXCHANGES"] == nil

    @Test(
        "Every row has a section, a source and a proof that exist, and every group is drawn on",
        .enabled(if: hasOwnExchanges)
    )
    func table() throws {
        let text = try String(contentsOf: Self.project.appendingPathComponent("docs/conformance.md"), encoding: .utf8)
        for complaint in ConformanceTable(markdown: text).complaints(against: try Self.found()) {
            Issue.record("\(complaint)")
        }
    }

    // MARK: The reader says no

    /// A small table that is right, of which one row is replaced.
    private static func complaints(row: String?, deviation: String = "| `b/fails` | no |") -> [String] {
        let right = "| It is so. | RFC 1 §1 | `Sources/A.swift` | `a/one`, `b/t*`, `T/F.swift: \"It is \"so\"\"` |"
        var text = "# A table\n"
        for group in ConformanceTable.groups {
            text += "\n## \(group)\n\n| Statement | Section | Implemented in | Proved by |\n|---|---|---|---|\n"
            text += (group == "Reuse" ? row ?? right : right) + "\n"
        }
        text += "\n## Where Holdfast does otherwise, and why\n\n| Exchange | Why |\n|---|---|\n" + deviation + "\n"
        return ConformanceTable(markdown: text).complaints(
            against: ConformanceProject(
                exchanges: ["a/one", "b/two", "b/fails"],
                deviating: ["b/fails"],
                hasFile: { $0 == "Sources/A.swift" },
                tests: { $0 == "T/F.swift" ? ["It is \"so\""] : nil }
            )
        )
    }

    @Test("A table that is right has no fault")
    func right() {
        #expect(Self.complaints(row: nil) == [])
    }

    @Test(
        "A row that is wrong is one fault",
        arguments: [
            "| It is so. | RFC 1 | `Sources/A.swift` | `a/one` |",
            "| It is so. | RFC 1 §1 | | `a/one` |",
            "| It is so. | RFC 1 §1 | `Sources/B.swift` | `a/one` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | none |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `a/two` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `c/*` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `b/fails` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `b/f*` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `a/one`, `a/one` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `T/F.swift: \"It is\"` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `T/G.swift: \"It is \"so\"\"` |",
            "| It is so. | RFC 1 §1 | `Sources/A.swift` | `It is so` |",
        ]
    )
    func wrong(row: String) {
        #expect(Self.complaints(row: row).count == 1)
    }

    @Test("A group without rows, a row that is short, and one that comes twice are faults")
    func shape() {
        #expect(Self.complaints(row: "") == ["Reuse: the table has no row"])
        #expect(Self.complaints(row: "| It is so. | RFC 1 §1 | `Sources/A.swift` |").count == 2)
        let row = "| It is so. | RFC 1 §1 | `Sources/A.swift` | `a/one` |"
        #expect(Self.complaints(row: "\(row)\n\(row)") == ["Reuse: It is so. stands there twice"])
    }

    @Test("A deviation that is not listed, and a listed one that is none, are faults")
    func deviations() {
        #expect(Self.complaints(row: nil, deviation: "| `a/one` | no |").count == 2)
        #expect(Self.complaints(row: nil, deviation: "").count == 1)
    }

    @Test("A group that no row draws on, and a name that two exchanges have, are faults")
    func exchanges() {
        let project = ConformanceProject(
            exchanges: ["lost/one", "lost/one"],
            deviating: [],
            hasFile: { _ in true },
            tests: { _ in nil }
        )
        let complaints = ConformanceTable(markdown: "").complaints(against: project)
        #expect(complaints.contains("no row is proved by an exchange of the group lost"))
        #expect(complaints.contains("lost/one: two exchanges have this name"))
    }
}

// MARK: What the project has

extension ConformanceTableTests {
    private static let project = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func found() throws -> ConformanceProject {
        let exchanges = try Catalogue.read.get()
        return ConformanceProject(
            exchanges: exchanges.map(\.name),
            deviating: Set(exchanges.filter { $0.exchange.deviation != nil }.map(\.name)),
            hasFile: { path in
                path.hasPrefix("Sources/") && path.hasSuffix(".swift")
                    && FileManager.default.fileExists(atPath: project.appendingPathComponent(path).path)
            },
            tests: testNames
        )
    }

    /// The names of the tests in a file below `Tests/`: the first argument of each `@Test`.
    private static func testNames(in file: String) -> Set<String>? {
        let path = project.appendingPathComponent("Tests").appendingPathComponent(file)
        guard let text = try? String(contentsOf: path, encoding: .utf8) else { return nil }
        return Set(text.components(separatedBy: "@Test(").dropFirst().compactMap(literal))
    }

    /// The string literal that a text begins with, white space before it left out.
    private static func literal(atStartOf text: String) -> String? {
        var rest = Substring(text).drop { $0.isWhitespace }
        guard rest.popFirst() == "\"" else { return nil }
        var name = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return name
            case "\\": if let escaped = rest.popFirst() { name.append(escaped) }
            default: name.append(character)
            }
        }
        return nil
    }
}
