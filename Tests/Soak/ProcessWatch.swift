// What the system says of a running process: memory, descriptors, sockets.

import Foundation

struct ProcessWatch: Sendable, Equatable {
    /// KiB that are in memory.
    var memory = 0
    var descriptors = 0
    var sockets = 0

    /// nil where there is no such process any more.
    init?(_ processIdentifier: Int32) {
        let folder = "/proc/\(processIdentifier)"
        guard let status = try? String(contentsOfFile: folder + "/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let names = try? FileManager.default.contentsOfDirectory(atPath: folder + "/fd")
        else { return nil }
        memory = Int(line.filter(\.isNumber)) ?? 0
        descriptors = names.count
        sockets =
            names.filter { name in
                let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/fd/\(name)")
                return link?.hasPrefix("socket:") == true
            }.count
    }
}
