/// Why something cannot be kept on disk, and where.
public struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was tried.
  public let attempt: String
  /// The file.
  public let path: String
  /// What the database said.
  public let cause: String

  /// What happened and what to do.
  public var description: String {
    "cannot \(attempt) \(path): \(cause); check that the directory exists, may be written and has room"
  }
}
