/// Merges the bytes of one piece as byte-pair encoding does: always the pair whose result ranks lowest, the leftmost of
/// equals, until none is left.
///
/// One 32-bit key a position holds rank and position, so the least key names the next merge; keys are kept in blocks of
/// 32 with a least one each, so that a merge costs the same in a long piece as in a short one: a scan of the block
/// minima and of a block or two, in vector code. (A plain scan is quadratic: 130 µs for 1 KiB.)
struct PairMerger {
  /// The longest piece that is merged: positions must fit the keys' low 10 bits.
  static let pieceBytesMax = 1024
  static let blockSize = 32
  /// The greatest finite number, if it is read as floating point; see `least`.
  private static let none: Int32 = 0x7F7F_FFFF
  /// Part of every key: makes it a normal number, if it is read as floating point. Above rank and position.
  private static let normal: Int32 = 1 << 28

  /// What a piece of `count` bytes needs.
  static func scratchBytes(_ count: Int) -> Int { padded(count) &* 12 &+ blockSize &* 4 }
  private static func padded(_ count: Int) -> Int { (count &+ blockSize &- 1) & ~(blockSize &- 1) }

  private let pairs: PairTable
  /// What each pair of bytes merges to; nil while a vocabulary is being built.
  private let bytePairs: UnsafeMutablePointer<UInt32>?
  private let count: Int
  private let paddedCount: Int
  private let keys: UnsafeMutablePointer<Int32>
  private let tokens: UnsafeMutablePointer<UInt32>
  private let nextStart: UnsafeMutablePointer<UInt16>
  private let previousStart: UnsafeMutablePointer<UInt16>
  private let minima: UnsafeMutablePointer<Int32>

  /// - Parameter scratch: `scratchBytes(count)` bytes, aligned to 4.
  @inline(__always)
  init(
    _ pairs: PairTable, bytePairs: UnsafeMutablePointer<UInt32>?, count: Int, scratch: UnsafeMutableRawPointer
  ) {
    self.pairs = pairs
    self.bytePairs = bytePairs
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
    if let bytePairs {
      for position in 0..<(count &- 1) {
        keys[position] = Self.key(position, bytePairs[Int(piece[position]) &<< 8 | Int(piece[position &+ 1])])
      }
    } else {
      for position in 0..<(count &- 1) { keys[position] = key(position, tokens[position], tokens[position &+ 1]) }
    }
    for position in (count &- 1)..<paddedCount { keys[position] = Self.none }
    return paddedCount == Self.blockSize ? mergeBlock() : mergeBlocks()
  }

  /// Where the token that starts at `start` ends. After `run`.
  func end(of start: Int) -> Int { Int(nextStart[start]) }

  /// The token at `start`. After `run`.
  func token(at start: Int) -> UInt32 { tokens[start] }

  /// The key of the pair of `left`, at `position`, and `right`.
  @inline(__always)
  private func key(_ position: Int, _ left: UInt32, _ right: UInt32) -> Int32 {
    Self.key(position, pairs.merged(left, right))
  }

  @inline(__always)
  private static func key(_ position: Int, _ rank: UInt32) -> Int32 {
    rank == VocabularyFormat.noToken
      ? none : Int32(truncatingIfNeeded: rank << 10 | UInt32(truncatingIfNeeded: position)) | normal
  }

  /// The least of a block.
  ///
  /// Keys are read as floating-point numbers, which are in the same order as long as they are positive and finite: every
  /// x86 has an instruction for the lesser of those, and most builds have none for integers (3 times as fast).
  @inline(__always)
  private func least(_ block: UnsafeMutablePointer<Int32>) -> Int32 {
    let bytes = UnsafeRawPointer(block)
    @inline(__always) func four(_ index: Int) -> SIMD4<Float> {
      bytes.loadUnaligned(fromByteOffset: index &* 16, as: SIMD4<Float>.self)
    }
    @inline(__always) func lesser(_ left: SIMD4<Float>, _ right: SIMD4<Float>) -> SIMD4<Float> {
      right.replacing(with: left, where: left .< right)
    }
    let lower = lesser(lesser(four(0), four(1)), lesser(four(2), four(3)))
    let upper = lesser(lesser(four(4), four(5)), lesser(four(6), four(7)))
    let four = lesser(lower, upper)
    let two = lesser(four, SIMD4(four.z, four.w, four.x, four.y))
    return Int32(bitPattern: (two.y < two.x ? two.y : two.x).bitPattern)
  }

  @inline(__always)
  private func mergeBlock() -> Int {
    var left = count
    while true {
      let key = least(keys)
      if key == Self.none { return left }
      merge(key)
      left &-= 1
    }
  }

  /// What a merge touches is taken out first, then the rest is searched, and only then the new pairs are looked up and put
  /// in: a search that read what had just been written would wait for it (a third of the time), while here the look-ups
  /// run beside it.
  private func mergeBlocks() -> Int {
    let blocks = paddedCount / Self.blockSize
    for block in 0..<blocks { minima[block] = least(keys + block &* Self.blockSize) }
    for block in blocks..<Self.blockSize { minima[block] = Self.none }
    var left = count
    var key = least(minima)
    while key != Self.none {
      left &-= 1
      let rank = key &>> 10
      let position = Int(key & 0x3FF)
      let token = UInt32(truncatingIfNeeded: (key ^ Self.normal) &>> 10)
      let gone = Int(nextStart[position])
      let following = Int(nextStart[gone])
      let previous = position > 0 ? Int(previousStart[position]) : position
      let block = position / Self.blockSize
      let previousBlock = previous / Self.blockSize
      nextStart[position] = UInt16(truncatingIfNeeded: following)
      tokens[position] = token
      take(gone, notIn: block)
      if previousBlock != block { take(previous, notIn: block) } else { keys[previous] = Self.none }
      keys[position] = Self.none
      minima[block] = Self.none
      // A repetition: the next pair is the same one. If nothing that this merge brings ranks as low, it is the least key,
      // and nothing need be searched.
      let isRepetition =
        following < count && following / Self.blockSize == block && keys[following] &>> 10 == rank
      var restOfBlock = Self.none
      var rest = Self.none
      if !isRepetition {
        restOfBlock = least(keys + block &* Self.blockSize)
        rest = least(minima)
      }
      var forward = Self.none
      var backward = Self.none
      if following < count {
        previousStart[following] = UInt16(truncatingIfNeeded: position)
        forward = self.key(position, token, tokens[following])
        keys[position] = forward
      }
      if previous != position {
        backward = self.key(previous, tokens[previous], token)
        keys[previous] = backward
        if previousBlock != block { minima[previousBlock] = min(minima[previousBlock], backward) }
      }
      if !isRepetition {
        let leastOfBlock = min(restOfBlock, min(forward, previousBlock == block ? backward : Self.none))
        minima[block] = leastOfBlock
        key = min(rest, min(leastOfBlock, backward))
      } else if forward &>> 10 > rank, backward &>> 10 > rank {
        key = keys[following]
      } else {
        minima[block] = least(keys + block &* Self.blockSize)
        key = least(minima)
      }
    }
    return left
  }

  /// Takes the key at `position` out. If that was its block's least, and the block is not `block`, the least is found anew.
  @inline(__always)
  private func take(_ position: Int, notIn block: Int) {
    let key = keys[position]
    keys[position] = Self.none
    let own = position / Self.blockSize
    if own != block, minima[own] == key { minima[own] = least(keys + own &* Self.blockSize) }
  }

  @inline(__always)
  private func merge(_ key: Int32) {
    let position = Int(key & 0x3FF)
    let token = UInt32(truncatingIfNeeded: (key ^ Self.normal) &>> 10)
    let gone = Int(nextStart[position])
    let following = Int(nextStart[gone])
    tokens[position] = token
    nextStart[position] = UInt16(truncatingIfNeeded: following)
    keys[gone] = Self.none
    if following < count {
      previousStart[following] = UInt16(truncatingIfNeeded: position)
      keys[position] = self.key(position, token, tokens[following])
    } else {
      keys[position] = Self.none
    }
    if position > 0 {
      let previous = Int(previousStart[position])
      keys[previous] = self.key(previous, tokens[previous], token)
    }
  }
}
