/// Whether some bytes are a token: an open-addressing table of 4-byte slots (11 bits of the hash, 21 of an address) over
/// all tokens' bytes, each with its length in front.
///
/// Most pieces of ordinary text are whole tokens, so this is the look-up that decides the speed.
struct WordTable {
  private let slots: UnsafeMutablePointer<UInt32>
  private let tokens: UnsafeMutablePointer<UInt8>
  private let tokensBytes: Int
  private let shift: UInt64
  private let mask: Int

  /// Bytes that must be readable behind a piece: look-ups load 8 at a time.
  static let slackBytes = 8

  private static let empty = UInt32.max
  private static let addressMask: UInt32 = 0x1F_FFFF

  /// A table without tokens. The caller releases it by `deallocate`.
  ///
  /// - Parameters:
  ///   - count: the number of tokens to come.
  ///   - bytes: their bytes in all.
  init(count: Int, bytes: Int) {
    let bits = PairTable.bits(count)
    shift = UInt64(64 &- bits)
    mask = 1 << bits &- 1
    slots = .allocate(capacity: 1 << bits)
    slots.initialize(repeating: Self.empty, count: 1 << bits)
    tokensBytes = bytes &+ count &+ Self.slackBytes
    tokens = .allocate(capacity: tokensBytes)
    tokens.initialize(repeating: 0, count: tokensBytes)
  }

  func deallocate() {
    slots.deallocate()
    tokens.deallocate()
  }

  var bytes: Int { (mask &+ 1) &* 4 &+ tokensBytes }

  /// Adds a token at `address`, the sum of the lengths before it and of their number; gives back the next one's.
  ///
  /// Tokens are added in order of address, and `slackBytes` may be read behind each.
  func insert(_ token: UnsafePointer<UInt8>, _ count: Int, at address: Int) -> Int {
    tokens[address] = UInt8(truncatingIfNeeded: count)
    let stored = tokens + address + 1
    // Words at a time; what goes too far is overwritten by the next token. Hashed where it came from: reading back what
    // has just been written stalls, and made this the slowest part of loading.
    var offset = 0
    while offset < count {
      UnsafeMutableRawPointer(stored + offset).storeBytes(of: Self.load(token + offset), as: UInt64.self)
      offset &+= 8
    }
    let hash = Self.hash(token, count)
    var slot = Int(truncatingIfNeeded: hash &>> shift)
    while slots[slot] != Self.empty { slot = (slot &+ 1) & mask }
    slots[slot] = UInt32(truncatingIfNeeded: hash) << 21 | UInt32(truncatingIfNeeded: address)
    return address &+ 1 &+ count
  }

  /// Whether the `count` bytes at `piece`, behind which `slackBytes` may be read, are a token.
  @inline(__always)
  func contains(_ piece: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    guard count <= VocabularyFormat.tokenBytesMax else { return false }
    let hash = Self.hash(piece, count)
    let tag = UInt32(truncatingIfNeeded: hash) << 21
    var slot = Int(truncatingIfNeeded: hash &>> shift)
    while true {
      let entry = slots[slot]
      if entry == Self.empty { return false }
      if entry & ~Self.addressMask == tag {
        let stored = tokens + Int(entry & Self.addressMask)
        if Int(stored[0]) == count, Self.equal(stored + 1, piece, count) { return true }
      }
      slot = (slot &+ 1) & mask
    }
  }

  @inline(__always)
  private static func load(_ bytes: UnsafePointer<UInt8>) -> UInt64 {
    UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self)
  }

  /// The first `count` (1 to 8) of 8 bytes.
  @inline(__always)
  private static func head(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    load(bytes) & (UInt64.max &>> UInt64(truncatingIfNeeded: (8 &- count) &* 8))
  }

  @inline(__always)
  private static func hash(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while count &- offset > 8 {
      hash = mixed(hash ^ load(bytes + offset))
      offset &+= 8
    }
    return mixed(hash ^ head(bytes + offset, count &- offset))
  }

  @inline(__always)
  private static func mixed(_ word: UInt64) -> UInt64 {
    let product = word.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }

  @inline(__always)
  private static func equal(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var offset = 0
    while count &- offset > 8 {
      if load(left + offset) != load(right + offset) { return false }
      offset &+= 8
    }
    return head(left + offset, count &- offset) == head(right + offset, count &- offset)
  }
}
