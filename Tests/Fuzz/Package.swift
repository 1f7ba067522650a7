// swift-tools-version: 6.2
import PackageDescription

// The fuzzers: a package of its own, because everything in it is compiled with coverage instrumentation. Its sources
// are links to the gateway's modules and to what their tests already know about them. Run it by scripts/fuzz.

let features: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "fuzz",
  targets: [
    .target(name: "CLinux"),
    .target(name: "CFuzzer"),
    .target(name: "HTTPWire", dependencies: ["CLinux"], swiftSettings: features),
    .target(name: "ServerSentEvents", dependencies: ["CLinux"], swiftSettings: features),
    .target(name: "ChatProtocol", dependencies: ["CLinux"], swiftSettings: features),
    .systemLibrary(name: "CHiredis", pkgConfig: "hiredis"),
    // What reads replies; the rest of the module stands on the reactor and reads nothing.
    .target(
      name: "RedisClient", dependencies: ["CHiredis", "CLinux"], path: "Sources/RedisClient/Codec",
      swiftSettings: features),
    .executableTarget(
      name: "fuzz", dependencies: ["CFuzzer", "HTTPWire", "ServerSentEvents", "ChatProtocol", "RedisClient"],
      swiftSettings: features),
  ],
  swiftLanguageModes: [.v6]
)
