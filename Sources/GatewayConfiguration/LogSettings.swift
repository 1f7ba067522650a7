/// What is written about the gateway's work.
public struct LogSettings: Sendable, Equatable {
  /// How much is written.
  public var level: LogLevel = .info
  /// How a line looks.
  public var format: LogFormat = .json
  /// True writes one line for each request.
  public var access = true
  /// The file for those lines; nil sends them to standard output.
  public var accessFile: String?

  /// The defaults.
  public init() {}
}

/// The levels of swift-log, least important first.
public enum LogLevel: String, Sendable, CaseIterable {
  /// Every step.
  case trace
  /// What helps to find a fault.
  case debug
  /// What happened.
  case info
  /// What is rare but right.
  case notice
  /// What may become a fault.
  case warning
  /// What failed.
  case error
  /// What cannot go on.
  case critical
}

/// How a line of the log looks.
public enum LogFormat: String, Sendable, CaseIterable {
  /// One JSON object a line.
  case json
  /// Words for a terminal.
  case text
}
