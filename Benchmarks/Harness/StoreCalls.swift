import TestKit

/// What gateways ask of their Redis: a lease, a return, a look is one call of a script.
enum StoreCalls {
  /// Calls so far.
  static func count(port: UInt16) throws -> Int {
    count(commandStats: try RedisControl(port: port).order("INFO", "commandstats"))
  }

  /// Calls in an answer of `INFO commandstats`.
  static func count(commandStats text: String) -> Int {
    text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("cmdstat_eval") || $0.hasPrefix("cmdstat_fcall") }
      .reduce(0) { sum, line in
        let digits = line.drop { $0 != "=" }.dropFirst().prefix { $0.isNumber }
        return sum + (Int(digits) ?? 0)
      }
  }
}
