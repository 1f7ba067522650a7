/// Merges the bytes of one piece as byte-pair encoding does: always the pair whose result ranks lowest, the leftmost of
/// equals, until none is left.
///
/// One 32-bit key a position holds rank and position, so the least key names the next merge; keys are kept in blocks of
/// 32 with a least one each, so that a merge costs the same in a long piece as in a short one: a scan of the block
/// minima and of up to three blocks, which the compiler turns into vector code. (A heap was not faster and a plain scan is
/// quadratic: 130 µs for 1 KiB.)
struct PairMerger {
  /// The longest piece that is merged: positions must fit the keys' low 10 bits.
  static let pieceBytesMax = 1024
  static let blockSize = 32
  private static let none = Int32.max

  /// What a piece of `count` bytes needs.
  static func scratchBytes(_ count: Int) -> Int { padded(count) &* 12 &+ padded(count) / blockSize &* 4 }
  private static func padded(_ count: Int) -> Int { (count &+ blockSize &- 1) & ~(blockSize &- 1) }

  private let pairs: PairTable
  private let count: Int
  private let paddedCount: Int
  private let keys: UnsafeMutablePointer<Int32>
  private let tokens: UnsafeMutablePointer<UInt32>
  private let nextStart: UnsafeMutablePointer<UInt16>
  private let previousStart: UnsafeMutablePointer<UInt16>
  private let minima: UnsafeMutablePointer<Int32>

  /// - Parameter scratch: `scratchBytes(count)` bytes, aligned to 4.
  @inline(__always)
  init(_ pairs: PairTable, count: Int, scratch: UnsafeMutableRawPointer) {
    self.pairs = pairs
    self.count = count
    paddedCount = Self.padded(count)
    keys = scratch.bindMemory(to: Int32.self, capacity: paddedCount)
    tokens = (scratch + paddedCount &* 4).bindMemory(to: UInt32.self, capacity: paddedCount)
    nextStart = (scratch + paddedCount &* 8).bindMemory(to: UInt16.self, capacity: paddedCount)
    previousStart = (scratch + paddedCount &* 10).bindMemory(to: UInt16.self, capacity: paddedCount)
    minima = (scratch + paddedCount &* 12).bindMemory(to: Int32.self, capacity: paddedCount / Self.blockSize)
  }

  /// Merges, and tells how many tokens there are.
  @inline(__always)
  func run(_ piece: UnsafePointer<UInt8>, _ bytes: UnsafePointer<UInt32>) -> Int {
    for position in 0..<count { tokens[position] = bytes[Int(piece[position])] }
    for position in 0..<count {
      nextStart[position] = UInt16(truncatingIfNeeded: position &+ 1)
      previousStart[position] = UInt16(truncatingIfNeeded: position &- 1)
    }
    for position in 0..<(count &- 1) { setKey(position, tokens[position], tokens[position &+ 1]) }
    for position in (count &- 1)..<paddedCount { keys[position] = Self.none }
    return paddedCount == Self.blockSize ? mergeBlock() : mergeBlocks()
  }

  /// Where the token that starts at `start` ends. After `run`.
  func end(of start: Int) -> Int { Int(nextStart[start]) }

  /// The token at `start`. After `run`.
  func token(at start: Int) -> UInt32 { tokens[start] }

  @inline(__always)
  private func setKey(_ position: Int, _ left: UInt32, _ right: UInt32) {
    let rank = pairs.merged(left, right)
    keys[position] =
      rank == VocabularyFormat.noToken ? Self.none : Int32(truncatingIfNeeded: rank << 10 | UInt32(position))
  }

  @inline(__always)
  private func least(_ values: UnsafeMutablePointer<Int32>, _ count: Int) -> Int32 {
    var least = Self.none
    for index in 0..<count { least = min(least, values[index]) }
    return least
  }

  @inline(__always)
  private func mergeBlock() -> Int {
    var left = count
    while true {
      let key = least(keys, Self.blockSize)
      if key == Self.none { return left }
      _ = merge(key)
      left &-= 1
    }
  }

  private func mergeBlocks() -> Int {
    let blocks = paddedCount / Self.blockSize
    for block in 0..<blocks { minima[block] = least(keys + block &* Self.blockSize, Self.blockSize) }
    var left = count
    while true {
      let key = least(minima, blocks)
      if key == Self.none { return left }
      let touched = merge(key)
      left &-= 1
      var block = touched.previous / Self.blockSize
      let last = touched.gone / Self.blockSize
      // Between the three places lie only positions that earlier merges took out.
      while block <= last {
        minima[block] = least(keys + block &* Self.blockSize, Self.blockSize)
        block &+= 1
      }
    }
  }

  /// One merge; the first and the last position whose keys it changed.
  @inline(__always)
  private func merge(_ key: Int32) -> (previous: Int, gone: Int) {
    let position = Int(key & 0x3FF)
    let token = UInt32(truncatingIfNeeded: key &>> 10)
    let gone = Int(nextStart[position])
    let following = Int(nextStart[gone])
    tokens[position] = token
    nextStart[position] = UInt16(truncatingIfNeeded: following)
    keys[gone] = Self.none
    if following < count {
      previousStart[following] = UInt16(truncatingIfNeeded: position)
      setKey(position, token, tokens[following])
    } else {
      keys[position] = Self.none
    }
    guard position > 0 else { return (position, gone) }
    let previous = Int(previousStart[position])
    setKey(previous, tokens[previous], token)
    return (previous, gone)
  }
}
