import TestKit

/// What others do: a counter for each window on the same Redis, looked at before a request and raised by its usage when it has ended.
final class FixedWindow {
  private let control: RedisControl
  private let limit: Int
  private let milliseconds: Int
  private static let key = "fixed-window"
  /// Orders sent.
  private(set) var calls = 0

  init(port: UInt16, limit: Int, milliseconds: Int) throws {
    control = try RedisControl(port: port)
    self.limit = limit
    self.milliseconds = milliseconds
  }

  /// Nil if a request may begin; else how long until the window is over.
  func waitMilliseconds() -> Int? {
    calls += 1
    guard let text = try? control.ask("GET", Self.key), let used = Int(text), used >= limit else { return nil }
    calls += 1
    return (try? control.ask("PTTL", Self.key)).flatMap { Int($0) }.map { max(1, $0) } ?? 1
  }

  /// A request has used so much.
  func ended(_ used: Int) {
    calls += 1
    guard let total = try? control.ask("INCRBY", Self.key, "\(used)"), Int(total) == used else { return }
    // The first of a window begins it.
    calls += 1
    _ = try? control.ask("PEXPIRE", Self.key, "\(milliseconds)")
  }
}
