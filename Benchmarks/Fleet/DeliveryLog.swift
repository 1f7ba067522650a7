/// What arrived at the clients, by millisecond.
struct DeliveryLog {
  private var tokens: [Int] = []

  /// Tokens that arrived so many milliseconds after the beginning.
  mutating func add(_ count: Int, at millisecond: Int) {
    guard count > 0, millisecond >= 0 else { return }
    if millisecond >= tokens.count {
      tokens.append(contentsOf: repeatElement(0, count: millisecond + 1 - tokens.count))
    }
    tokens[millisecond] += count
  }

  /// Tokens from one millisecond up to another.
  func sum(_ range: Range<Int>) -> Int { tokens[range.clamped(to: 0..<tokens.count)].reduce(0, +) }

  /// The most tokens in any window of so many milliseconds, wherever it begins.
  func most(in window: Int) -> Int {
    var most = 0
    var sum = 0
    for (time, count) in tokens.enumerated() {
      sum += count
      if time >= window { sum -= tokens[time - window] }
      most = max(most, sum)
    }
    return most
  }

  /// The fewest tokens in any window that lies within these milliseconds; nil if none fits.
  func fewest(in window: Int, within range: Range<Int>) -> Int? {
    guard range.count >= window else { return nil }
    func at(_ time: Int) -> Int { tokens.indices.contains(time) ? tokens[time] : 0 }
    var sum = (range.lowerBound..<range.lowerBound + window).reduce(0) { $0 + at($1) }
    var fewest = sum
    for end in range.lowerBound + window..<range.upperBound {
      sum += at(end) - at(end - window)
      fewest = min(fewest, sum)
    }
    return fewest
  }
}
