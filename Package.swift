// swift-tools-version: 6.2
import PackageDescription

/// One set of rules for every target: Swift 6 language mode, warnings are errors, no silent existential,
/// no import that leaks, and plain `async` helpers stay on their caller's actor (a hop costs more than a request).
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  // Debug builds, and so all tests, check exclusive access at run time. In release the checks were measured at 2 % of a request's CPU.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "sluice",
  products: [
    .executable(name: "sluice", targets: ["sluice"]),
    .executable(name: "Benchmarks", targets: ["Benchmarks"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    // Floor 0: C libraries, module maps and shim headers only.
    .target(name: "CLinux"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),

    // Floor 1: pure. Values in, decisions out; no clock, no randomness, no I/O, no await.
    room("HTTPWire", ["CLinux"]),
    room("ServerSentEvents", ["CLinux"]),
    room("ChatProtocol", ["CLinux"]),
    room("Tokenization"),
    room("TokenAccounting", ["Tokenization", "ChatProtocol", "CLinux"]),
    room("GatewayConfiguration", [.product(name: "Yams", package: "Yams")]),
    room("Routing", ["GatewayConfiguration"]),
    room("Lifecycle", ["ChatProtocol", "ServerSentEvents", "TokenAccounting", "CLinux"]),
    room("RateLimiting", ["GatewayConfiguration"]),

    // Floor 1b: the event loop.
    room("Reactor", ["CLinux"]),

    // Floor 2: what touches the world.
    room("Transport", ["Reactor", "HTTPWire", "CLinux", "COpenSSL"]),
    room("RedisClient", ["Reactor", "Transport", "CLinux", "COpenSSL", "CHiredis"]),

    room("Storage", ["Reactor", .product(name: "GRDB", package: "GRDB.swift")]),

    // Floor 3: actors.
    room("Upstreams", ["Reactor", "Transport", "HTTPWire", "GatewayConfiguration", "Routing"]),
    room("Quotas", ["RateLimiting", "RedisClient", "Reactor", "Storage", "GatewayConfiguration", "COpenSSL"]),

    // Floor 4: the request path.
    room(
      "Gateway",
      [
        "Reactor", "Transport", "Upstreams", "HTTPWire", "ServerSentEvents", "ChatProtocol", "Tokenization",
        "TokenAccounting", "Routing", "GatewayConfiguration", "Quotas", "RateLimiting", "RedisClient", "Storage",
        "Lifecycle", "COpenSSL", "CLinux",
        .product(name: "Logging", package: "swift-log"),
      ]),

    room(
      "Admin",
      [
        "Gateway", "Upstreams", "Quotas", "ChatProtocol", "TokenAccounting", "GatewayConfiguration", "HTTPWire",
        "Reactor", "Transport",
      ]),

    // Floor 5: composition.
    .executableTarget(
      name: "sluice",
      dependencies: [
        "Admin", "Gateway", "GatewayConfiguration", "ScriptedUpstream", "Reactor", "Tokenization",
        "TokenAccounting", "CLinux", "COpenSSL", "CHiredis", "CLZ4",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "Reactor", "HTTPWire", "ServerSentEvents", "ChatProtocol", "GatewayConfiguration", "ScriptedUpstream",
        "Tokenization", "TokenAccounting", "Lifecycle", "CLinux", "CBenchmarks", "LimitSimulation", "ExchangeSimulation",
        "RateLimiting", "Quotas", "TestKit",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks",
      exclude: ["CBenchmarks", "Simulation", "ExchangeSimulation", "README.md", "Thresholds.json"],
      swiftSettings: strict),
    // The counting malloc and processor placement that the benchmarks need.
    .target(name: "CBenchmarks", path: "Benchmarks/CBenchmarks"),

    // Nodes, demand and faults on a virtual clock over the machines of RateLimiting: for its tests and for `Benchmarks simulate limits`.
    .target(
      name: "LimitSimulation", dependencies: ["RateLimiting", "TestKit"], path: "Benchmarks/Simulation",
      swiftSettings: strict),
    // A request's life on a virtual clock over the machine of Lifecycle: for its tests and for `Benchmarks simulate exchange`.
    .target(
      name: "ExchangeSimulation", dependencies: ["Lifecycle", "TestKit"], path: "Benchmarks/ExchangeSimulation",
      swiftSettings: strict),

    // Beside: the simulator that `sluice demo`, the tests and the benchmarks share, and what only tests need.
    room("ScriptedUpstream", ["Reactor", "HTTPWire", "ChatProtocol"]),
    room("TestKit", ["ScriptedUpstream", "Reactor", "HTTPWire", "ServerSentEvents", "Tokenization", "CLinux"]),

    tests("HTTPWireTests", ["HTTPWire", "TestKit"]),
    tests("ServerSentEventsTests", ["ServerSentEvents", "TestKit"]),
    tests("ChatProtocolTests", ["ChatProtocol", "TestKit"]),
    tests("TokenizationTests", ["Tokenization", "TestKit"]),
    tests("TokenAccountingTests", ["TokenAccounting", "Tokenization", "ChatProtocol", "TestKit"]),
    tests("RoutingTests", ["Routing", "GatewayConfiguration", "TestKit"]),
    tests("LifecycleTests", ["Lifecycle", "ExchangeSimulation", "TestKit"]),
    tests("RateLimitingTests", ["RateLimiting", "LimitSimulation", "GatewayConfiguration", "TestKit"]),
    tests("GatewayConfigurationTests", ["GatewayConfiguration", "TestKit"]),
    tests("ReactorTests", ["Reactor", "CLinux", "TestKit"]),
    tests("TransportTests", ["Transport", "Reactor", "HTTPWire", "TestKit", "COpenSSL"]),
    tests("RedisClientTests", ["RedisClient", "Reactor", "Transport", "TestKit"]),
    tests("UpstreamsTests", ["Upstreams", "Reactor", "Transport", "GatewayConfiguration", "HTTPWire", "TestKit"]),
    tests("StorageTests", ["Storage", "Reactor", "TestKit", .product(name: "GRDB", package: "GRDB.swift")]),
    tests(
      "QuotasTests",
      ["Quotas", "Storage", "RateLimiting", "RedisClient", "Reactor", "GatewayConfiguration", "TestKit"]),
    tests("ScriptedUpstreamTests", ["ScriptedUpstream", "TestKit"]),
    tests("AdminTests", ["Admin", "Gateway", "GatewayConfiguration", "Reactor", "ScriptedUpstream", "TestKit"]),
    tests(
      "GatewayTests",
      [
        "Gateway", "Lifecycle", "TestKit", "ScriptedUpstream", "GatewayConfiguration", "Reactor", "HTTPWire", "ServerSentEvents",
        "ChatProtocol", "Upstreams", "Transport", "Tokenization", "TokenAccounting", "Quotas", "RateLimiting",
        "RedisClient", "Storage",
      ]),
  ],
  swiftLanguageModes: [.v6]
)
