import Glibc
import TestKit

/// A Redis of this test's own and a connection to it.
struct RedisFixture {
  private let server: RedisServer
  private let control: RedisControl

  /// Whether a redis-server can be started here; without one the tests of scripts are skipped.
  static let isInstalled: Bool = {
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    return path.split(separator: ":").contains { access("\($0)/redis-server", X_OK) == 0 }
  }()

  init() throws {
    server = try RedisServer()
    control = try server.control()
  }

  /// Gives an order and reads its answer, one element a line; an error is thrown.
  @discardableResult
  func order(_ words: [String]) throws -> String {
    let answer = try control.ask(words)
    guard !answer.hasPrefix("-ERR"), !answer.hasPrefix("-NOSCRIPT") else { throw Failure(description: answer) }
    return answer
  }

  /// Gives an order that is answered by integers.
  func integers(_ words: [String]) throws -> [Int] {
    try order(words).split(separator: "\n").compactMap { Int($0) }
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }
}
