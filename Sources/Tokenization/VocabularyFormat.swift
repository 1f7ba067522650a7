/// The layout of a vocabulary file (`.slv`), little-endian:
///
///     0    8   magic "SLUICEV1"
///     8    4   pre-tokeniser (raw value of `PreTokeniser`)
///     12   4   number of tokens
///     16   8   bytes of all tokens together
///     24   8   checksum of the whole file with this field 0
///     32   32  name, UTF-8, padded with 0
///     64   32  SHA-256 of the published file that it was made from
///     96   32  0
///     128      length of each token (1 byte each), padded with 0 to a multiple of 8
///              bytes of each token, in order of rank, padded likewise
///              the two tokens that each token is merged from (2 x 4 bytes each; 0xFFFFFFFF: none)
///
/// The order of the tokens is the order of merging: a lower one is merged first.
enum VocabularyFormat {
  static let magic: [UInt8] = Array("SLUICEV1".utf8)
  static let headerBytes = 128
  static let nameBytesMax = 32
  static let nameOffset = 32
  static let sourceOffset = 64
  static let checksumOffset = 24

  /// Two token numbers and the number they merge to fit one 8-byte slot.
  static let tokensMax = (1 << 18) - 1
  /// The longest of the known vocabularies is 128 bytes.
  static let tokenBytesMax = 255
  /// Addresses of tokens, each with one byte for its length, fit 21 bits.
  static let blobBytesMax = (1 << 21) - 1

  /// No pair: single bytes, and tokens that merging never reaches.
  static let noToken = UInt32.max

  static func padded(_ count: Int) -> Int { (count &+ 7) & ~7 }

  /// Finds damage by disks and transfers; it is no seal against someone who wants to deceive.
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    // Four lanes, so that multiplications overlap: a file takes well below a millisecond.
    var a: UInt64 = 0x9E37_79B9_7F4A_7C15
    var b: UInt64 = 0xBF58_476D_1CE4_E5B9
    var c: UInt64 = 0x94D0_49BB_1331_11EB
    var d = UInt64(bytes.count)
    func mixed(_ lane: UInt64, _ word: UInt64) -> UInt64 {
      let product = (lane ^ word) &* 0xD6E8_FEB8_6659_FD93
      return product ^ product >> 32
    }
    func word(_ offset: Int) -> UInt64 {
      offset == checksumOffset ? 0 : UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    var offset = 0
    while offset &+ 32 <= bytes.count {
      a = mixed(a, word(offset))
      b = mixed(b, word(offset &+ 8))
      c = mixed(c, word(offset &+ 16))
      d = mixed(d, word(offset &+ 24))
      offset &+= 32
    }
    while offset &+ 8 <= bytes.count {
      a = mixed(a, word(offset))
      offset &+= 8
    }
    while offset < bytes.count {
      b = mixed(b, UInt64(bytes[offset]))
      offset &+= 1
    }
    return mixed(mixed(mixed(a, b), c), d)
  }
}
