import Foundation

/// Where the gateway under test finds its vocabularies.
enum VocabularyDirectory {
  /// `$SLUICE_DATA`; else a directory beside the executable, into which the benchmark's vocabulary is installed. Without a package index nothing
  /// is, and the gateway estimates.
  static func find(installingWith gateway: String) -> String {
    if let given = ProcessInfo.processInfo.environment["SLUICE_DATA"], !given.isEmpty { return given }
    let directory = URL(fileURLWithPath: gateway).deletingLastPathComponent().appendingPathComponent("benchmark-data")
      .path
    guard !holds("qwen", directory) else { return directory }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: gateway)
    process.arguments = ["vocabulary", "install", "--data", directory, "qwen"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    if (try? process.run()) != nil { process.waitUntilExit() }
    return directory
  }

  /// Whether a vocabulary is installed there.
  static func holds(_ name: String, _ directory: String) -> Bool {
    access("\(directory)/vocabularies/\(name).slv", R_OK) == 0
  }
}
