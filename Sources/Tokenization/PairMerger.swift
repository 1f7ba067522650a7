/// Merges the bytes of one piece as byte-pair encoding does: always the pair whose result ranks lowest, the leftmost of
/// equals, until none is left.
///
/// One 32-bit key a position holds rank and position, so the least key names the next merge; keys are kept in blocks of
/// 32 with a least one each, so that a merge costs the same in a long piece as in a short one: a scan of the block
/// minima and of a block or two, which the compiler turns into vector code. (A plain scan is quadratic: 130 µs for 1 KiB.)
struct PairMerger {
  /// The longest piece that is merged: positions must fit the keys' low 10 bits.
  static let pieceBytesMax = 1024
  static let blockSize = 32
  private static let none = Int32.max

  /// What a piece of `count` bytes needs.
  static func scratchBytes(_ count: Int) -> Int { padded(count) &* 12 &+ blockSize &* 4 }
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
    minima = (scratch + paddedCount &* 12).bindMemory(to: Int32.self, capacity: Self.blockSize)
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

  /// The least of a block. Of constant length, so that it is unrolled into vector code; with `SIMD16` it was slower.
  @inline(__always)
  private func least(_ block: UnsafeMutablePointer<Int32>) -> Int32 {
    var least = Self.none
    for index in 0..<Self.blockSize { least = min(least, block[index]) }
    return least
  }

  @inline(__always)
  private func mergeBlock() -> Int {
    var left = count
    while true {
      let key = least(keys)
      if key == Self.none { return left }
      _ = merge(key)
      left &-= 1
    }
  }

  private func mergeBlocks() -> Int {
    let blocks = paddedCount / Self.blockSize
    for block in 0..<blocks { minima[block] = least(keys + block &* Self.blockSize) }
    for block in blocks..<Self.blockSize { minima[block] = Self.none }
    var left = count
    while true {
      let key = least(minima)
      if key == Self.none { return left }
      let change = merge(key)
      left &-= 1
      let block = change.position / Self.blockSize
      minima[block] = least(keys + block &* Self.blockSize)
      // The two neighbours seldom lie in another block, and seldom hold that one's least key.
      let goneBlock = change.gone / Self.blockSize
      if goneBlock != block, minima[goneBlock] == change.goneKey {
        minima[goneBlock] = least(keys + goneBlock &* Self.blockSize)
      }
      let previousBlock = change.previous / Self.blockSize
      if previousBlock != block {
        let key = keys[change.previous]
        if key < minima[previousBlock] {
          minima[previousBlock] = key
        } else if minima[previousBlock] == change.previousKey {
          minima[previousBlock] = least(keys + previousBlock &* Self.blockSize)
        }
      }
    }
  }

  /// What a merge touched, with the keys as they were before.
  private struct Change {
    var position: Int
    var gone: Int
    var goneKey: Int32
    /// `position` if nothing stands before it.
    var previous: Int
    var previousKey: Int32
  }

  @inline(__always)
  private func merge(_ key: Int32) -> Change {
    let position = Int(key & 0x3FF)
    let token = UInt32(truncatingIfNeeded: key &>> 10)
    let gone = Int(nextStart[position])
    let following = Int(nextStart[gone])
    tokens[position] = token
    nextStart[position] = UInt16(truncatingIfNeeded: following)
    var change = Change(
      position: position, gone: gone, goneKey: keys[gone], previous: position, previousKey: key)
    keys[gone] = Self.none
    if following < count {
      previousStart[following] = UInt16(truncatingIfNeeded: position)
      setKey(position, token, tokens[following])
    } else {
      keys[position] = Self.none
    }
    if position > 0 {
      change.previous = Int(previousStart[position])
      change.previousKey = keys[change.previous]
      setKey(change.previous, tokens[change.previous], token)
    }
    return change
  }
}
