// swift-tools-version: 6.1
import Glibc
import PackageDescription

/// Settings of every target of ours: Swift 6 language mode with warnings as errors.
///
/// Dependencies keep theirs.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .unsafeFlags(["-warnings-as-errors"]),
]

/// The same for what is on no hot path: made small rather than fast, since the agent is on every host.
let smallSettings = settings + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// How release programs are linked: without what nothing refers to.
///
/// The static Swift runtime asks for every symbol to be exported; taking that back, folding equal functions whose
/// address nobody compares, and packing relocations make the agent 3 MB smaller. Packed relocations need glibc 2.36
/// where the program runs, so they are used only where the build machine has it too.
let smallLink: [LinkerSetting] = [
    .unsafeFlags(
        [
            "-use-ld=lld", "-Xlinker", "--no-export-dynamic", "-Xlinker", "--icf=safe", "-Xlinker", "-z",
            "-Xlinker", "now",
        ]
            + (glibcMinor >= 36 ? ["-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"] : []),
        .when(configuration: .release)
    )
]

/// The y of glibc's version 2.y; 0 with another C library.
var glibcMinor: Int {
    var text = [CChar](repeating: 0, count: 64)
    guard confstr(Int32(_CS_GNU_LIBC_VERSION), &text, text.count) > 0 else { return 0 }
    let version = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return version.hasPrefix("glibc 2.") ? Int(version.dropFirst(8).prefix { $0 != "." }) ?? 0 : 0
}

let package = Package(
    name: "muster",
    products: [
        .executable(name: "muster", targets: ["muster"]),
        .executable(name: "muster-agent", targets: ["muster-agent"]),
        .executable(name: "muster-coordinator", targets: ["muster-coordinator"]),
        .executable(name: "muster-drill", targets: ["muster-drill"]),
        .executable(name: "muster-swarm", targets: ["muster-swarm"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // What the distribution provides.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        // Headers only: these libraries are loaded on first use, so that a host which asks nothing of
        // them maps nothing of them.
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CPostgres", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CPCRE2", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

        // Values and engines: no I/O, no Foundation. What only the team's side needs is apart, so that no agent carries it.
        .target(name: "MusterCore", swiftSettings: settings),
        .target(name: "MusterAnalysis", dependencies: ["MusterCore"], swiftSettings: settings),
        .target(name: "MusterIncident", dependencies: ["MusterCore"], swiftSettings: settings),
        .target(
            name: "MusterCause",
            dependencies: ["MusterCore", "MusterAnalysis"],
            swiftSettings: settings
        ),

        // One library of the system each.
        .target(name: "MusterYAML", dependencies: ["MusterCore", "CYAML"], swiftSettings: smallSettings),
        .target(
            name: "MusterIdentity",
            dependencies: ["MusterCore", "COpenSSL"],
            swiftSettings: smallSettings
        ),
        .target(
            name: "MusterHTTP",
            dependencies: ["MusterCore", "CCurl", "CLinux"],
            swiftSettings: smallSettings
        ),
        .target(
            name: "MusterPostgres",
            dependencies: ["MusterCore", "CPostgres", "CLinux"],
            swiftSettings: smallSettings
        ),
        .target(
            name: "MusterWire",
            dependencies: ["MusterCore", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
            swiftSettings: smallSettings
        ),

        // The stored form of an incident's record: written and read, checked and played again.
        .target(
            name: "MusterRecord",
            dependencies: ["MusterCore", "MusterCause", "MusterIncident", "MusterIdentity"],
            swiftSettings: smallSettings
        ),

        // The host's side.
        .target(
            name: "MusterProbe",
            dependencies: [
                "MusterCore", "MusterAnalysis", "MusterHTTP", "MusterPostgres", "CLinux", "CPCRE2",
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MusterAgent",
            dependencies: [
                "MusterCore", "MusterAnalysis", "MusterYAML", "MusterIdentity", "MusterWire", "MusterProbe",
                "MusterHTTP", "MusterPostgres", "COpenSSL", "CLinux",
            ],
            swiftSettings: smallSettings
        ),

        // The team's side.
        .target(
            name: "MusterCoordinator",
            dependencies: [
                "MusterCore", "MusterAnalysis", "MusterCause", "MusterIncident", "MusterRecord", "MusterYAML",
                "MusterIdentity", "MusterWire", "MusterHTTP", "CLinux",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "MusterDrill",
            dependencies: [
                "MusterCore", "MusterIncident", "MusterIdentity", "MusterHTTP", "MusterPostgres", "CLinux",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),

        .target(
            name: "MusterSwarm",
            dependencies: [
                "MusterCore", "MusterWire", "MusterIdentity", "MusterAgent",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),

        // Executables are thin.
        .executableTarget(
            name: "muster-agent",
            dependencies: ["MusterAgent"],
            swiftSettings: settings,
            linkerSettings: smallLink
        ),
        .executableTarget(
            name: "muster-coordinator",
            dependencies: [
                "MusterCore", "MusterCoordinator", "MusterIdentity", "MusterRecord",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings,
            linkerSettings: smallLink
        ),
        .executableTarget(
            name: "muster",
            dependencies: [
                "MusterCore", "MusterAnalysis", "MusterCause", "MusterIncident", "MusterRecord", "MusterYAML",
                "MusterIdentity", "MusterHTTP", "MusterWire", "CZlib",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings,
            linkerSettings: smallLink
        ),
        .executableTarget(
            name: "muster-drill",
            dependencies: [
                "MusterDrill", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings,
            linkerSettings: smallLink
        ),
        .executableTarget(
            name: "muster-swarm",
            dependencies: [
                "MusterSwarm", "MusterAgent", "MusterCore", "MusterIdentity",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: settings,
            linkerSettings: smallLink
        ),

        // What benchmarks run: the product's own engines on a file of logs.
        .executableTarget(
            name: "muster-bench",
            dependencies: [
                "MusterCore", "MusterAnalysis", "MusterProbe", "MusterTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/Benchmarks/muster-bench",
            swiftSettings: settings
        ),

        // Tests, in the order of the targets above, and what they share.
        .target(name: "MusterTesting", path: "Tests/MusterTesting", swiftSettings: settings),
        .testTarget(
            name: "MusterCoreTests",
            dependencies: ["MusterCore", "MusterIncident", "MusterYAML", "MusterTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterAnalysisTests",
            dependencies: ["MusterAnalysis", "MusterCore", "MusterTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterCauseTests",
            dependencies: ["MusterCause", "MusterAnalysis", "MusterCore", "MusterTesting"],
            swiftSettings: settings
        ),
        .testTarget(name: "MusterYAMLTests", dependencies: ["MusterYAML"], swiftSettings: settings),
        .testTarget(
            name: "MusterIdentityTests",
            dependencies: ["MusterIdentity", "MusterTesting", "COpenSSL"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterWireTests",
            dependencies: ["MusterWire", "MusterTesting"],
            exclude: ["wire-0.1.txt"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterPostgresTests",
            dependencies: ["MusterPostgres", "MusterTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterProbeTests",
            dependencies: ["MusterProbe", "MusterYAML", "MusterPostgres", "MusterTesting"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterAgentTests",
            dependencies: [
                "MusterAgent", "MusterProbe", "MusterYAML", "MusterIdentity", "MusterWire", "MusterTesting",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterCoordinatorTests",
            dependencies: [
                "MusterCoordinator", "MusterRecord", "MusterTesting",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterCLITests",
            dependencies: [
                "muster", "MusterCore", "MusterIdentity", "MusterIncident", "MusterRecord", "MusterTesting",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "MusterDrillTests",
            dependencies: ["MusterDrill", "MusterCore"],
            swiftSettings: settings
        ),
        // These start the programs themselves, and real servers.
        .testTarget(
            name: "MusterSystemTests",
            dependencies: [
                "MusterCore", "MusterIncident", "MusterTesting", "muster", "muster-agent",
                "muster-coordinator", "muster-drill", "muster-swarm",
            ],
            swiftSettings: settings
        ),
    ]
)

// Fuzzing needs a program with the fuzzer's own main; else the same folder is a test target that replays its seeds.
let fuzzed: [Target.Dependency] = [
    "MusterCore", "MusterAnalysis", "MusterCause", "MusterWire", "MusterYAML", "MusterProbe",
    "MusterIdentity",
    "MusterIncident", "MusterCoordinator",
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOEmbedded", package: "swift-nio"),
    .product(name: "NIOTLS", package: "swift-nio"),
    .product(name: "Logging", package: "swift-log"),
]
if Context.environment["MUSTER_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "muster-fuzz",
            dependencies: fuzzed,
            path: "Tests/Fuzz",
            exclude: ["FuzzSeedTests.swift", "run", "seeds"],
            swiftSettings: settings
        )
    )
} else {
    package.targets.append(
        .testTarget(
            name: "MusterFuzzTests",
            dependencies: fuzzed + ["MusterTesting"],
            path: "Tests/Fuzz",
            exclude: ["FuzzDriver.swift", "run", "seeds"],
            swiftSettings: settings
        )
    )
}

// The simulation of acting is a program when it runs for long, else the same folder is a test target with a few seeds.
let simulated: [Target.Dependency] = [
    "MusterCore", "MusterIncident", "MusterIdentity", "MusterWire", "MusterYAML", "MusterAgent",
    "MusterTesting",
]
if Context.environment["MUSTER_SIMULATE"] != nil {
    package.targets.append(
        .executableTarget(
            name: "muster-simulate",
            dependencies: simulated + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Simulation",
            exclude: ["README.md", "SimulationTests.swift", "run"],
            swiftSettings: settings
        )
    )
} else {
    package.targets.append(
        .testTarget(
            name: "MusterSimulationTests",
            dependencies: simulated,
            path: "Tests/Simulation",
            exclude: ["README.md", "SimulationProgram.swift", "run"],
            swiftSettings: settings
        )
    )
}
