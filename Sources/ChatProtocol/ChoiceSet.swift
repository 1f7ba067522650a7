/// Choices of an answer by their index, as far as it is below 128.
///
/// Two words, not one `UInt128`: that asks for 16 bytes of alignment of every object that holds it, and Swift allocates such an object in another way, which
/// was measured to take a quarter more instructions.
public struct ChoiceSet: Equatable, Sendable {
  @usableFromInline var low: UInt64 = 0
  @usableFromInline var high: UInt64 = 0

  /// None.
  @inlinable public init() {}

  /// How many there are.
  @inlinable public var count: Int { low.nonzeroBitCount &+ high.nonzeroBitCount }

  /// Whether there are none.
  @inlinable public var isEmpty: Bool { low | high == 0 }

  /// Whether the choice is among them; one beyond the range never is.
  @inlinable public func contains(_ choice: Int) -> Bool {
    guard choice >= 0, choice < 128 else { return false }
    return (choice < 64 ? low : high) & 1 &<< UInt64(truncatingIfNeeded: choice) != 0
  }

  /// Adds a choice; one beyond the range is left out.
  @inlinable public mutating func insert(_ choice: Int) {
    guard choice >= 0, choice < 128 else { return }
    let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: choice)
    if choice < 64 { low |= bit } else { high |= bit }
  }

  /// Adds all that are in the other.
  @inlinable public mutating func formUnion(_ other: ChoiceSet) {
    low |= other.low
    high |= other.high
  }
}
