/// A regular expression over model names that costs the same for every name: time grows with pattern times name, never faster.
///
/// The name comes from a client and the match runs on an event loop. A backtracking matcher takes exponential time for patterns such
/// as `(a+)+b`, which would stop every stream of that loop. Here all ways through the pattern are followed at once (Thompson's
/// construction), with the two bounds below: at most 2,000 steps times 256 characters.
///
/// It knows literals, `.`, classes (`[a-z0-9]`, `[^/]`), `\d \w \s \D \W \S`, groups, `|`, `* + ? {m} {m,} {m,n}`, `^ $`, and `(?i)`
/// at the beginning for ASCII letters of either case. The whole name must match, whether or not `^` and `$` are written.
public struct ModelPattern: Sendable {
  /// Why a text is no pattern, in words.
  public struct Problem: Error, Sendable, Equatable {
    /// One clause without a full stop.
    public let words: String
  }

  /// Bytes of a pattern's text.
  public static let textBytesMax = 1024
  /// Steps of the compiled pattern; counted repetitions are written out.
  public static let stepsMax = 2000
  /// Bytes of a name; a longer one does not match.
  public static let nameBytesMax = 256

  enum Step: Sendable {
    case one(ScalarSet)
    case split(Int, Int)
    case jump(Int)
    case atStart
    case atEnd
    case accept
  }

  private let steps: [Step]

  /// Compiles a pattern.
  public init(_ text: String) throws(Problem) {
    guard !text.isEmpty, text.utf8.count <= Self.textBytesMax else {
      throw Problem(words: "it has no or more than \(Self.textBytesMax) bytes")
    }
    var parser = ModelPatternParser(text)
    var compiler = ModelPatternCompiler()
    try compiler.add(try parser.parse())
    steps = compiler.steps + [.accept]
  }

  /// Steps that the patterns of a configuration may take together for one name. Fifty usual ones take some thousand.
  public static let effortMax = 50_000

  /// Whether the whole name matches.
  public func matches(_ name: some Collection<UInt8>) -> Bool {
    guard name.count <= Self.nameBytesMax else { return false }
    var effort = Int.max
    return matches(Array(String(decoding: name, as: UTF8.self).unicodeScalars), effort: &effort)
  }

  /// The place of the first pattern that takes the whole name. The name is a client's: whatever the patterns are, it costs at most about
  /// ``effortMax`` steps, and no pattern is tried beyond them.
  public static func firstMatch(_ name: some Collection<UInt8>, among patterns: some Sequence<ModelPattern>) -> Int? {
    guard name.count <= nameBytesMax else { return nil }
    let scalars = Array(String(decoding: name, as: UTF8.self).unicodeScalars)
    var effort = effortMax
    for (place, pattern) in patterns.enumerated() {
      if pattern.matches(scalars, effort: &effort) { return place }
      guard effort > 0 else { return nil }
    }
    return nil
  }

  private func matches(_ scalars: [Unicode.Scalar], effort: inout Int) -> Bool {
    // Making the two lists costs too.
    effort -= 16 + steps.count / 4
    var active = Threads(count: steps.count)
    var next = Threads(count: steps.count)
    follow(0, into: &active, at: 0, of: scalars.count)
    for (index, scalar) in scalars.enumerated() {
      guard effort > 0 else { return false }
      effort -= active.places.count
      next.clear()
      for place in active.places {
        if case .one(let set) = steps[place], set.contains(scalar.value) {
          follow(place + 1, into: &next, at: index + 1, of: scalars.count)
        }
      }
      swap(&active, &next)
      if active.places.isEmpty { return false }
    }
    return active.places.contains { if case .accept = steps[$0] { true } else { false } }
  }

  /// Adds a place and everything reachable from it without taking a character. Each place is added once, so an empty loop ends.
  private func follow(_ first: Int, into threads: inout Threads, at index: Int, of count: Int) {
    var waiting = [first]
    while let place = waiting.popLast() {
      guard threads.add(place) else { continue }
      switch steps[place] {
      case .one, .accept: break
      case .jump(let target): waiting.append(target)
      case .split(let a, let b):
        waiting.append(b)
        waiting.append(a)
      case .atStart: if index == 0 { waiting.append(place + 1) }
      case .atEnd: if index == count { waiting.append(place + 1) }
      }
    }
  }

  /// Places in the pattern, each at most once.
  private struct Threads {
    private(set) var places: [Int] = []
    private var round = 1
    private var addedInRound: [Int]

    init(count: Int) { addedInRound = [Int](repeating: 0, count: count) }

    mutating func add(_ place: Int) -> Bool {
      guard addedInRound[place] != round else { return false }
      addedInRound[place] = round
      places.append(place)
      return true
    }

    mutating func clear() {
      places.removeAll(keepingCapacity: true)
      round += 1
    }
  }
}

/// Characters that a step takes.
struct ScalarSet: Sendable {
  var ranges: [ClosedRange<UInt32>]
  var isNegated = false

  func contains(_ value: UInt32) -> Bool { ranges.contains { $0.contains(value) } != isNegated }

  static let any = ScalarSet(ranges: [], isNegated: true)
  static let digits: [ClosedRange<UInt32>] = [0x30...0x39]
  static let words: [ClosedRange<UInt32>] = [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
  static let spaces: [ClosedRange<UInt32>] = [0x09...0x0D, 0x20...0x20]

  /// What lies between the ranges.
  static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
    var gaps: [ClosedRange<UInt32>] = []
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
      next = max(next, range.upperBound &+ 1)
    }
    if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
    return gaps
  }

  /// The set with ASCII letters of either case.
  func ignoringCase() -> ScalarSet {
    var both = ranges
    for range in ranges {
      for (letters, shift) in [(UInt32(0x41)...0x5A, 32), (UInt32(0x61)...0x7A, -32)] where range.overlaps(letters) {
        let part = range.clamped(to: letters)
        both.append(UInt32(Int(part.lowerBound) + shift)...UInt32(Int(part.upperBound) + shift))
      }
    }
    return ScalarSet(ranges: both, isNegated: isNegated)
  }
}
