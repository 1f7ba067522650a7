internal import Glibc

/// Random numbers that a seed repeats: SplitMix64 (Steele, Lea and Flood, 2014).
public struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible, Sendable {
  /// The seed it began with, to be named when a test fails.
  public let seed: UInt64
  private var state: UInt64

  /// Begins with `seed`.
  public init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// `seed N`, for a failure's comment.
  public var description: String { "seed \(seed)" }

  /// A number in `range`.
  public mutating func int(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

  /// So many bytes of any value.
  public mutating func bytes(count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }

  /// One of the elements; nil of none.
  public mutating func element<Element>(of elements: [Element]) -> Element? { elements.randomElement(using: &self) }
}

/// Runs `body` once for each of `count` seeds that follow `first`, or once for the seed in the environment variable
/// `SLUICE_TEST_SEED`. When `body` throws, the seed is printed, so that the run can be repeated.
public func withSeeds(
  _ count: Int, from first: UInt64 = 1, _ body: (inout SeededGenerator) throws -> Void
) rethrows {
  let demanded = getenv("SLUICE_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
  for seed in demanded.map({ [$0] }) ?? (0..<UInt64(max(0, count))).map({ first &+ $0 }) {
    var generator = SeededGenerator(seed: seed)
    do {
      try body(&generator)
    } catch {
      print("failed with SLUICE_TEST_SEED=\(seed): \(error)")
      throw error
    }
  }
}
