// swift-tools-version: 6.2
// The drawing of the house: the targets, and who may import whom. ARCHITECTURE.md explains it;
// `.ci/check-imports` compares every file's import lines with the arrows drawn here.

import PackageDescription

let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let package = Package(
    name: "holdfast",
    products: [
        .executable(name: "holdfast", targets: ["holdfast"]),
        .executable(name: "holdfast-lab", targets: ["holdfast-lab"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", exact: "0.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
    ],
    targets: [
        // Pure: no NIO, no Foundation, no clock, no file, no socket.
        .target(name: "HTTPSemantics", swiftSettings: rules),
        .target(name: "Wire", dependencies: ["HTTPSemantics"], swiftSettings: rules),
        .target(name: "Resume", dependencies: ["HTTPSemantics"], swiftSettings: rules),
        .target(
            name: "Configuration",
            dependencies: ["HTTPSemantics", .product(name: "TOMLKit", package: "TOMLKit")],
            swiftSettings: rules
        ),

        // Digests of bytes, by a library.
        .target(
            name: "Digests",
            dependencies: ["HTTPSemantics", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: rules
        ),

        // Input and output.
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .target(name: "CChecksum"),
        .target(name: "CSystemCalls"),
        .target(
            name: "Store",
            dependencies: ["HTTPSemantics", "Wire", "Resume", "CSQLite", "CChecksum", "CSystemCalls"],
            swiftSettings: rules
        ),
        .target(
            name: "Transport",
            dependencies: ["HTTPSemantics", "Wire", "CSystemCalls"] + nio,
            swiftSettings: rules
        ),

        // Conducting.
        .target(
            name: "Exchange",
            dependencies: ["HTTPSemantics", "Wire", "Resume", "Configuration", "Digests", "Store", "Transport"] + nio,
            swiftSettings: rules
        ),
        .executableTarget(
            name: "holdfast",
            dependencies: [
                "HTTPSemantics", "Configuration", "Digests", "Store", "Transport", "Exchange",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + nio,
            swiftSettings: rules
        ),
        // An origin that fails on purpose. It shares no code with the proxy, so that no mistake is made twice.
        .executableTarget(
            name: "holdfast-lab",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: rules
        ),

        // Tests: one target per pure module and per kind of input and output; scenarios on sockets.
        .target(name: "ScriptedPeers", path: "Tests/ScriptedPeers", swiftSettings: rules),
        // Many clients, every fault, kills: for minutes or hours, every byte compared (docs/soak.md).
        .executableTarget(
            name: "holdfast-soak",
            dependencies: ["ScriptedPeers", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Soak",
            swiftSettings: rules
        ),
        .testTarget(name: "HTTPSemanticsTests", dependencies: ["HTTPSemantics"], swiftSettings: rules),
        .testTarget(name: "WireTests", dependencies: ["Wire", "HTTPSemantics"], swiftSettings: rules),
        .testTarget(name: "ResumeTests", dependencies: ["Resume", "HTTPSemantics"], swiftSettings: rules),
        .testTarget(
            name: "ConfigurationTests",
            dependencies: ["Configuration", "HTTPSemantics"],
            swiftSettings: rules
        ),
        .testTarget(name: "DigestsTests", dependencies: ["Digests", "HTTPSemantics"], swiftSettings: rules),
        .testTarget(
            name: "StoreTests",
            dependencies: ["Store", "HTTPSemantics", "Wire", "Resume", "CSQLite", "CChecksum"],
            swiftSettings: rules
        ),
        .testTarget(
            name: "TransportTests",
            dependencies: ["Transport", "HTTPSemantics", "Wire", "ScriptedPeers"] + nio,
            swiftSettings: rules
        ),
        .testTarget(
            name: "ExchangeTests",
            dependencies: ["Exchange", "Configuration", "Store", "Transport", "HTTPSemantics", "ScriptedPeers"] + nio,
            swiftSettings: rules
        ),
        .testTarget(
            name: "CommandTests",
            dependencies: ["Exchange", "Configuration", "Store", "HTTPSemantics", "Resume"],
            swiftSettings: rules
        ),
        .testTarget(
            name: "LabTests",
            dependencies: ["holdfast-lab", "ScriptedPeers", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: rules
        ),
        .testTarget(
            name: "ConformanceTests",
            dependencies: ["ScriptedPeers", "holdfast"],
            resources: [.copy("Exchanges")],
            swiftSettings: rules
        ),
        .testTarget(
            name: "ScenarioTests",
            dependencies: ["Digests", "HTTPSemantics", "ScriptedPeers", "holdfast", "holdfast-lab", "holdfast-soak"],
            swiftSettings: rules
        ),
    ]
)
