internal import CLinux

/// What went wrong in a test's own tools.
public struct TestKitError: Error, CustomStringConvertible, Sendable {
  /// What was tried and what the system said.
  public let description: String

  init(_ what: String, code: Int32? = nil) {
    description = code.map { "\(what): \(String(cString: strerror($0)))" } ?? what
  }
}
