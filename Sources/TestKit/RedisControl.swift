/// A blocking connection for orders to a Redis server: what a test's author would type into redis-cli.
public final class RedisControl {
  private let client: RawClient

  /// Connects to a port of the loopback address.
  public init(port: UInt16) throws(TestKitError) {
    client = try RawClient(port: port, timeout: .seconds(10))
  }

  /// Sends a command and gives back what is answered: a string or number as its text, an error with its `-`, nil as `nil`, an array as its elements'
  /// texts, one a line.
  @discardableResult
  public func ask(_ words: String...) throws(TestKitError) -> String { try ask(words) }

  /// The same with the words in an array.
  @discardableResult
  public func ask(_ words: [String]) throws(TestKitError) -> String {
    var request = "*\(words.count)\r\n"
    for word in words { request += "$\(word.utf8.count)\r\n\(word)\r\n" }
    try client.send(request)
    return try reply()
  }

  /// Sends a command that must not be answered by an error.
  @discardableResult
  public func order(_ words: String...) throws(TestKitError) -> String {
    let answer = try ask(words)
    guard !answer.hasPrefix("-") else { throw TestKitError("\(words.joined(separator: " ")): \(answer)") }
    return answer
  }

  private func line() throws(TestKitError) -> String {
    String(decoding: try client.read(until: "\r\n").dropLast(2), as: UTF8.self)
  }

  private func reply() throws(TestKitError) -> String {
    let line = try line()
    switch line.first {
    case "+", ":": return String(line.dropFirst())
    case "$":
      guard let count = Int(line.dropFirst()), count >= 0 else { return "nil" }
      return String(decoding: try client.read(count: count + 2).dropLast(2), as: UTF8.self)
    case "*":
      guard let count = Int(line.dropFirst()), count >= 0 else { return "nil" }
      var elements: [String] = []
      for _ in 0..<count { elements.append(try reply()) }
      return elements.joined(separator: "\n")
    default: return line
    }
  }
}
