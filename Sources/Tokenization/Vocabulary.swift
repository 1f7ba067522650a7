/// A vocabulary ready for counting: which byte pairs merge, and which pieces are tokens as they stand.
///
/// Made from the bytes of a vocabulary file (`VocabularyFormat`), which may be a mapping: what is needed of them is copied
/// into two flat tables, in about 10 ms and at most 8 MB. Every length and number in the file is checked first, so a
/// damaged or hostile file is refused and never followed.
public final class Vocabulary: @unchecked Sendable {
  // `@unchecked`: the tables are written in the initialiser only.

  /// What it is called in the manifest and in configurations.
  public let name: String
  /// How text is cut before merging.
  public let preTokeniser: PreTokeniser
  /// How many tokens it has, special ones left out.
  public let tokenCount: Int
  /// SHA-256 of the published file that it was made from.
  public let source: [UInt8]

  /// Memory that the tables take, in bytes.
  public var memoryBytes: Int { tables.pairs.bytes + tables.words.bytes + Tables.bytePairsCount * 4 }

  let tables: Tables

  /// Addresses only, so a loop can hold a copy without counting references.
  struct Tables {
    let pairs: PairTable
    let words: WordTable
    /// The token of each single byte.
    let bytes: UnsafeMutablePointer<UInt32>
    /// What each pair of bytes merges to, the left one in the high bits: where every merge begins.
    let bytePairs: UnsafeMutablePointer<UInt32>

    /// Entries of `bytePairs`.
    static let bytePairsCount = 1 << 16
  }

  /// Reads a vocabulary file.
  ///
  /// - Throws: `VocabularyError` if it is not one, is damaged, or contradicts itself.
  public init(file: RawSpan) throws(VocabularyError) {
    (name, preTokeniser, tokenCount, source, tables) = try file.withUnsafeBytes { bytes throws(VocabularyError) in
      let layout = try VocabularyLayout(bytes)
      return (layout.name, layout.preTokeniser, layout.count, layout.source, layout.makeTables())
    }
  }

  deinit {
    tables.pairs.deallocate()
    tables.words.deallocate()
    tables.bytes.deallocate()
    tables.bytePairs.deallocate()
  }
}

extension Vocabulary.Tables {
  /// Pieces up to so many bytes are merged on the stack.
  private static let shortBytesMax = 64

  /// How many tokens a piece of 1 to `PairMerger.pieceBytesMax` bytes is.
  @inline(__always)
  func count(_ piece: UnsafePointer<UInt8>, _ count: Int) -> Int {
    if count == 1 || words.contains(piece, count) { return 1 }
    return count <= Self.shortBytesMax ? mergeShort(piece, count) : mergeLong(piece, count)
  }

  @inline(never)
  private func mergeShort(_ piece: UnsafePointer<UInt8>, _ count: Int) -> Int {
    // Constant and at most 1 KiB, so the scratch is on the stack.
    withUnsafeTemporaryAllocation(byteCount: PairMerger.scratchBytes(Self.shortBytesMax), alignment: 8) { scratch in
      guard let base = scratch.baseAddress else { return count }
      return PairMerger(pairs, bytePairs: bytePairs, count: count, scratch: base).run(piece, bytes)
    }
  }

  @inline(never)
  private func mergeLong(_ piece: UnsafePointer<UInt8>, _ count: Int) -> Int {
    withLongScratch { PairMerger(pairs, bytePairs: bytePairs, count: count, scratch: $0).run(piece, bytes) }
  }

  /// The tokens of an open piece that end before its last `keptBytes`: how many, and where the last of them ends.
  @inline(never)
  func closeFront(_ piece: UnsafePointer<UInt8>, _ count: Int, keptBytes: Int) -> (tokens: Int, bytes: Int) {
    withLongScratch { scratch in
      let merger = PairMerger(pairs, bytePairs: bytePairs, count: count, scratch: scratch)
      _ = merger.run(piece, bytes)
      var tokens = 0
      var end = 0
      while end < count, merger.end(of: end) <= count &- keptBytes {
        end = merger.end(of: end)
        tokens &+= 1
      }
      return (tokens, end)
    }
  }

  /// Scratch for the longest piece, on the stack: a temporary allocation of that size would be `malloc`'s.
  @inline(__always)
  private func withLongScratch<Result>(_ body: (UnsafeMutableRawPointer) -> Result) -> Result {
    var scratch = InlineArray<1552, UInt64>(repeating: 0)
    var span = scratch.mutableSpan
    return span.withUnsafeMutableBytes { buffer in
      // Never nil: it has elements.
      body(buffer.baseAddress.unsafelyUnwrapped)
    }
  }
}
