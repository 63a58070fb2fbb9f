// The built soak (docs/soak.md) as a command that runs to its end.

/// `holdfast-soak`, with the proxy and the laboratory that lie beside it.
package enum SoakProcess {
    package static func run(_ arguments: [String], within seconds: Double = 240) throws -> CommandResult {
        let path = try builtProgram("holdfast-soak", unless: "HOLDFAST_SOAK_EXECUTABLE")
        return try ChildProcess.run(path, arguments, within: seconds)
    }
}
