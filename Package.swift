// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of the house is compiled with: Swift 6 mode, strict memory safety, and no warning let
/// through.
///
/// `Lifetimes` lets a buffer hand out a `Span` of itself. It is experimental in name; the alternative is unsafe
/// pointers.
let house: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A room of the house. Its dependencies are the layering: what is not named here cannot be imported.
func room(_ name: String, _ dependencies: [Target.Dependency] = [], linking libraries: [String] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: house, linkerSettings: libraries.map { .linkedLibrary($0) })
}

/// The tests of one room.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["Fixtures"], swiftSettings: house)
}

let package = Package(
  name: "spillway",
  products: [
    .executable(name: "spillway", targets: ["spillway"]),
    .executable(name: "spillwayd", targets: ["spillwayd"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
  ],
  targets: [
    // The kernel, in C.
    .target(name: "CLinux"),
    .systemLibrary(name: "CLibcap", pkgConfig: "libcap", providers: [.apt(["libcap-dev"])]),

    // The pure pillar: values in, values out; no C, no file, no clock.
    room("ProcModel"),
    room("Pressure", ["ProcModel"]),
    // libm for `squareRoot()`, which may come out as a call of `sqrt`.
    room("Badness", ["ProcModel"], linking: ["m"]),
    room("Policy", ["ProcModel", "Pressure", "Badness"]),
    room("Flight", ["ProcModel"]),

    // The kernel pillar: the only room with unsafe code.
    room("LinuxSystem", ["CLinux", "CLibcap"]),

    // Where the two meet.
    room("ProcReader", ["ProcModel", "Pressure", "LinuxSystem"]),
    room("Ladder", ["ProcModel", "Pressure", "Policy", "LinuxSystem"]),
    room("Record", ["ProcModel", "Pressure", "Badness", "Policy", "Flight", "Ladder", "LinuxSystem"]),
    room(
      "Agent",
      [
        "ProcModel", "Pressure", "Badness", "Policy", "Flight", "LinuxSystem", "ProcReader", "Ladder",
        "Record",
      ]),
    .executableTarget(
      name: "spillwayd", dependencies: ["Agent", "LinuxSystem", "Policy"], swiftSettings: house),

    // What a person types and looks at. None of it is resident.
    room(
      "Replay",
      [
        "ProcModel", "Pressure", "Badness", "Policy", "Flight", "LinuxSystem", "ProcReader", "Ladder", "Record",
        "Agent",
      ]),
    room("History", ["ProcModel", "LinuxSystem"]),
    .target(
      name: "PolicyFile",
      dependencies: [
        "ProcModel", "Pressure", "Badness", "Policy", "LinuxSystem",
        .product(name: "TOMLKit", package: "TOMLKit"),
      ],
      resources: [
        "server", "classic", "low-memory-vps", "database", "web", "ci-runner", "agent-host", "container",
        "kubernetes-node", "desktop",
      ].map { .embedInCode("Presets/\($0).toml") },
      swiftSettings: house),
    .executableTarget(
      name: "spillway",
      dependencies: [
        "ProcModel", "Pressure", "Badness", "Policy", "PolicyFile", "Flight", "LinuxSystem", "ProcReader", "Ladder",
        "Record", "Replay", "History", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: house),

    // Captured and composed kernel files, found beside their source.
    .target(
      name: "Fixtures", dependencies: ["Flight", "ProcModel"], path: "Tests/Fixtures",
      exclude: ["flights", "logs", "proc", "sequences"],
      swiftSettings: house),
    tests("ProcModelTests", ["ProcModel"]),
    tests("BadnessTests", ["Badness", "ProcModel"]),
    tests("PolicyTests", ["Policy", "Pressure", "Badness", "ProcModel"]),
    tests("FlightTests", ["Flight", "Policy", "ProcModel"]),
    tests("PressureTests", ["Pressure", "ProcModel"]),
    tests("HistoryTests", ["History", "ProcModel", "LinuxSystem"]),
    tests("LinuxSystemTests", ["LinuxSystem"]),
    tests("ProcReaderTests", ["ProcReader", "ProcModel", "LinuxSystem"]),
    tests("LadderTests", ["Ladder", "Pressure", "ProcModel", "LinuxSystem"]),
    tests("RecordTests", ["Record", "Ladder", "Policy", "Pressure", "Badness", "ProcModel", "LinuxSystem"]),
    tests(
      "AgentTests",
      [
        "Agent", "Replay", "Flight", "Record", "Ladder", "ProcReader", "Policy", "Pressure", "Badness", "ProcModel",
        "LinuxSystem", "spillwayd",
      ]),
    .testTarget(
      name: "PolicyFileTests",
      dependencies: [
        "PolicyFile", "Policy", "Badness", "Pressure", "ProcModel", "LinuxSystem", "Agent",
      ],
      exclude: ["valid", "invalid", "imported"], swiftSettings: house),

    tests("ToolTests", ["spillway"]),

    // The programs as a whole, with real processes in a pid namespace: TestProgram is killed, and KillerProgram is a
    // Killer in a process of its own.
    .executableTarget(name: "TestProgram", path: "Tests/TestProgram"),
    .executableTarget(
      name: "KillerProgram", dependencies: ["Ladder", "ProcModel", "LinuxSystem"], path: "Tests/KillerProgram",
      swiftSettings: house),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        "TestProgram", "KillerProgram", "Fixtures", "Agent", "Ladder", "LinuxSystem", "Policy", "PolicyFile",
        "ProcModel", "ProcReader", "Record",
      ],
      path: "Tests/Integration", swiftSettings: house),
  ])
