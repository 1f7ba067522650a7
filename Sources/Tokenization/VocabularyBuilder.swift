/// Makes vocabulary files from lists of tokens in order of rank.
public enum VocabularyBuilder {
  /// The bytes of a vocabulary file.
  ///
  /// Published lists hold tokens only. The pair that a token is merged from follows: merge the token's own bytes with
  /// all lower ranks, and two tokens are left. A few tokens of some lists are reached through a higher rank or not at
  /// all; the former are found when all pairs are known.
  ///
  /// - Parameters:
  ///   - tokens: their bytes, the token of rank 0 first.
  ///   - source: SHA-256 of the published file.
  /// - Throws: `VocabularyError` if there are too many tokens, one is empty or too long, or a byte is missing.
  public static func file(
    name: String, preTokeniser: PreTokeniser, tokens: [[UInt8]], source: [UInt8]
  ) throws(VocabularyError) -> [UInt8] {
    let blobBytes = tokens.reduce(0) { $0 &+ $1.count }
    guard tokens.count <= VocabularyFormat.tokensMax, blobBytes &+ tokens.count < VocabularyFormat.blobBytesMax,
      name.utf8.count <= VocabularyFormat.nameBytesMax, source.count == 32
    else { throw .tooLarge }
    if let bad = tokens.firstIndex(where: { !(1...VocabularyFormat.tokenBytesMax).contains($0.count) }) {
      throw .badToken(bad)
    }
    let pairs = try pairs(of: tokens)

    var file: [UInt8] = VocabularyFormat.magic
    file.reserveCapacity(VocabularyFormat.headerBytes + blobBytes + 9 * tokens.count + 16)
    append(preTokeniser.rawValue, to: &file)
    append(UInt32(tokens.count), to: &file)
    append(UInt32(blobBytes), to: &file)
    append(0, to: &file)
    append(0, to: &file)
    append(0, to: &file)
    file += name.utf8
    pad(&file, to: VocabularyFormat.sourceOffset)
    file += source
    pad(&file, to: VocabularyFormat.headerBytes)
    file += tokens.map { UInt8($0.count) }
    pad(&file, to: VocabularyFormat.padded(file.count))
    for token in tokens { file += token }
    pad(&file, to: VocabularyFormat.padded(file.count))
    for pair in pairs {
      append(pair.left, to: &file)
      append(pair.right, to: &file)
    }
    let checksum = file.withUnsafeBytes { VocabularyFormat.checksum($0) }
    for byte in 0..<8 {
      file[VocabularyFormat.checksumOffset + byte] = UInt8(truncatingIfNeeded: checksum >> UInt64(8 * byte))
    }
    return file
  }

  private static func append(_ word: UInt32, to file: inout [UInt8]) {
    for byte in 0..<4 { file.append(UInt8(truncatingIfNeeded: word >> UInt32(8 * byte))) }
  }

  private static func pad(_ file: inout [UInt8], to count: Int) {
    file += [UInt8](repeating: 0, count: count - file.count)
  }

  private static func pairs(of tokens: [[UInt8]]) throws(VocabularyError) -> [(left: UInt32, right: UInt32)] {
    var single = [UInt32](repeating: VocabularyFormat.noToken, count: 256)
    for (rank, token) in tokens.enumerated() where token.count == 1 { single[Int(token[0])] = UInt32(rank) }
    if let missing = single.firstIndex(of: VocabularyFormat.noToken) { throw .missingByte(UInt8(missing)) }
    let table = PairTable(count: tokens.count)
    defer { table.deallocate() }
    var pairs = [(left: UInt32, right: UInt32)](
      repeating: (VocabularyFormat.noToken, VocabularyFormat.noToken), count: tokens.count)
    func link(_ rank: Int) {
      guard let pair = lastMerge(tokens[rank], single, table) else { return }
      pairs[rank] = pair
      table.insert(pair.left, pair.right, UInt32(rank))
    }
    for rank in tokens.indices where tokens[rank].count > 1 { link(rank) }
    for rank in tokens.indices where tokens[rank].count > 1 && pairs[rank].left == VocabularyFormat.noToken {
      link(rank)
    }
    return pairs
  }

  /// The two tokens that are left of a token's bytes, if two are.
  private static func lastMerge(
    _ token: [UInt8], _ single: [UInt32], _ table: PairTable
  ) -> (left: UInt32, right: UInt32)? {
    withUnsafeTemporaryAllocation(byteCount: PairMerger.scratchBytes(token.count), alignment: 8) { scratch in
      guard let base = scratch.baseAddress else { return nil }
      let merger = PairMerger(table, bytePairs: nil, count: token.count, scratch: base)
      let count = token.withUnsafeBufferPointer { bytes in
        single.withUnsafeBufferPointer { single in
          // Neither is empty.
          merger.run(bytes.baseAddress.unsafelyUnwrapped, single.baseAddress.unsafelyUnwrapped)
        }
      }
      guard count == 2 else { return nil }
      return (merger.token(at: 0), merger.token(at: merger.end(of: 0)))
    }
  }
}
