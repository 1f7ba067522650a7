/// The parts of a vocabulary file, checked against its size and against each other. Valid as long as the file's bytes.
struct VocabularyLayout {
  let name: String
  let preTokeniser: PreTokeniser
  let count: Int
  let source: [UInt8]
  private let file: UnsafeRawBufferPointer
  private let blobBytes: Int
  private var lengthsStart: Int { VocabularyFormat.headerBytes }
  private var blobStart: Int { lengthsStart + VocabularyFormat.padded(count) }
  private var pairsStart: Int { blobStart + VocabularyFormat.padded(blobBytes) }

  init(_ file: UnsafeRawBufferPointer) throws(VocabularyError) {
    self.file = file
    let found = file.count
    guard found >= VocabularyFormat.headerBytes else { throw .notAVocabulary }
    for (offset, byte) in VocabularyFormat.magic.enumerated() where Self.byte(file, offset) != byte {
      throw .notAVocabulary
    }
    let code = Self.word(file, 8)
    count = Int(Self.word(file, 12))
    let blobLow = Int(Self.word(file, 16))
    guard count <= VocabularyFormat.tokensMax, Self.word(file, 20) == 0,
      blobLow &+ count < VocabularyFormat.blobBytesMax
    else { throw .tooLarge }
    blobBytes = blobLow
    let expected =
      VocabularyFormat.headerBytes + VocabularyFormat.padded(count) + VocabularyFormat.padded(blobBytes) + count * 8
    guard found == expected else { throw .wrongSize(expected: expected, found: found) }
    let stored = UInt64(Self.word(file, 24)) | UInt64(Self.word(file, 28)) << 32
    guard VocabularyFormat.checksum(file) == stored else { throw .damaged }
    guard let preTokeniser = PreTokeniser(rawValue: code) else { throw .unknownPreTokeniser(code) }
    self.preTokeniser = preTokeniser
    var name: [UInt8] = []
    for offset in 0..<VocabularyFormat.nameBytesMax {
      let byte = Self.byte(file, VocabularyFormat.nameOffset + offset)
      if byte == 0 { break }
      name.append(byte)
    }
    self.name = String(decoding: name, as: UTF8.self)
    source = (0..<32).map { Self.byte(file, VocabularyFormat.sourceOffset + $0) }
    try checkTokens()
  }

  private static func byte(_ file: UnsafeRawBufferPointer, _ offset: Int) -> UInt8 { file[offset] }

  private static func word(_ file: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
    UInt32(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// Lengths add up; every token with a pair is as long as the two; every byte is a token.
  private func checkTokens() throws(VocabularyError) {
    var isToken = [Bool](repeating: false, count: 256)
    var start = blobStart
    for token in 0..<count {
      let length = Int(file[lengthsStart &+ token])
      guard length > 0, start &+ length &- blobStart <= blobBytes else { throw .badToken(token) }
      if length == 1 { isToken[Int(file[start])] = true }
      start &+= length
      let (left, right) = pair(token)
      guard left != VocabularyFormat.noToken else { continue }
      guard left < count, right < count, left != token, right != token,
        Int(file[lengthsStart &+ Int(left)]) &+ Int(file[lengthsStart &+ Int(right)]) == length
      else { throw .badToken(token) }
    }
    guard start &- blobStart == blobBytes else { throw .badToken(count) }
    if let missing = isToken.firstIndex(of: false) { throw .missingByte(UInt8(truncatingIfNeeded: missing)) }
  }

  @inline(__always)
  private func pair(_ token: Int) -> (left: UInt32, right: UInt32) {
    let offset = pairsStart &+ token &* 8
    return (
      UInt32(littleEndian: file.loadUnaligned(fromByteOffset: offset, as: UInt32.self)),
      UInt32(littleEndian: file.loadUnaligned(fromByteOffset: offset &+ 4, as: UInt32.self))
    )
  }

  func makeTables() -> Vocabulary.Tables {
    let pairs = PairTable(count: count)
    let words = WordTable(count: count, bytes: blobBytes)
    let single = UnsafeMutablePointer<UInt32>.allocate(capacity: 256)
    single.initialize(repeating: 0, count: 256)
    let bytePairs = UnsafeMutablePointer<UInt32>.allocate(capacity: Vocabulary.Tables.bytePairsCount)
    bytePairs.initialize(repeating: VocabularyFormat.noToken, count: Vocabulary.Tables.bytePairsCount)
    let tables = Vocabulary.Tables(pairs: pairs, words: words, bytes: single, bytePairs: bytePairs)
    var start = blobStart
    var address = 0
    guard let base = file.assumingMemoryBound(to: UInt8.self).baseAddress else { return tables }
    for token in 0..<count {
      let length = Int(file[lengthsStart &+ token])
      // Behind the last token stand the pairs: the slack that look-ups need.
      address = words.insert(base + start, length, at: address)
      if length == 1 { single[Int(base[start])] = UInt32(truncatingIfNeeded: token) }
      start &+= length
      let (left, right) = pair(token)
      if left != VocabularyFormat.noToken { pairs.insert(left, right, UInt32(truncatingIfNeeded: token)) }
    }
    for pair in 0..<Vocabulary.Tables.bytePairsCount {
      bytePairs[pair] = pairs.merged(single[pair >> 8], single[pair & 255])
    }
    return tables
  }
}
