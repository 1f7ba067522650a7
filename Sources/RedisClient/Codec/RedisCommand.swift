internal import CHiredis

/// A command with its arguments: words of any bytes.
///
/// All words lie in one array, so that a command costs two allocations however many arguments it has. A Redis Cluster needs to know which word
/// is a key: `appendKey` says so.
public struct RedisCommand: Sendable, CustomStringConvertible {
  /// All words, one after the other.
  private var bytes: [UInt8]
  /// Where each word ends in `bytes`.
  private var ends: [Int]
  /// The index of the first word that is a key.
  private var keyWord: Int?
  /// What `EVALSHA` stands for, to be sent whole if the server does not know it.
  package var scriptText: String?

  /// A command without arguments yet.
  public init(_ name: String) {
    bytes = []
    bytes.reserveCapacity(128)
    ends = []
    ends.reserveCapacity(8)
    append(name)
  }

  /// A command and its words, none of them a key.
  public init(_ name: String, _ words: String...) {
    self.init(name)
    for word in words { append(word) }
  }

  /// Adds a word.
  public mutating func append(_ word: String) {
    bytes.append(contentsOf: word.utf8)
    ends.append(bytes.count)
  }

  /// Adds a word of any bytes.
  public mutating func append(_ word: some Collection<UInt8>) {
    bytes.append(contentsOf: word)
    ends.append(bytes.count)
  }

  /// Adds a number in decimal digits.
  public mutating func append(_ number: some BinaryInteger) {
    append(String(number))
  }

  /// Adds a word that is a key. All keys of a command must share a hash slot in a cluster; the first decides where it goes.
  public mutating func appendKey(_ key: String) {
    if keyWord == nil { keyWord = ends.count }
    append(key)
  }

  /// The same for a key of any bytes.
  public mutating func appendKey(_ key: some Collection<UInt8>) {
    if keyWord == nil { keyWord = ends.count }
    append(key)
  }

  /// How many words it has, the name counted.
  public var wordCount: Int { ends.count }

  /// About how long it is on the wire: enough to bound what waits.
  package var byteCount: Int { bytes.count &+ ends.count &* 16 }

  /// The words' bytes, for tests and for rewriting.
  package var words: [ArraySlice<UInt8>] { ends.indices.map { bytes[range(of: $0)] } }

  /// The first key's bytes; nil when no word is one.
  package var key: ArraySlice<UInt8>? { keyWord.map { bytes[range(of: $0)] } }

  /// The name alone: arguments may be secrets or a consumer's.
  public var description: String { String(decoding: bytes[range(of: 0)], as: UTF8.self) }

  /// The same command with the first words replaced by as many others.
  package func replacingFirstWords(with first: [String]) -> RedisCommand {
    var command = RedisCommand(first[0])
    for word in first.dropFirst() { command.append(word) }
    for word in words.dropFirst(first.count) { command.append(word) }
    command.keyWord = keyWord
    return command
  }

  private func range(of word: Int) -> Range<Int> { (word == 0 ? 0 : ends[word &- 1])..<ends[word] }

  /// Adds the command as it stands on the wire: `redisFormatCommandArgv`.
  package func encode(into output: inout [UInt8]) {
    var target: UnsafeMutablePointer<CChar>?
    let length = bytes.withUnsafeBytes { raw in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: ends.count) { pointers in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: ends.count) { lengths in
          for index in ends.indices {
            let range = range(of: index)
            let word = raw.baseAddress.map { ($0 + range.lowerBound).assumingMemoryBound(to: CChar.self) }
            pointers.initializeElement(at: index, to: word)
            lengths.initializeElement(at: index, to: range.count)
          }
          return redisFormatCommandArgv(&target, Int32(ends.count), pointers.baseAddress, lengths.baseAddress)
        }
      }
    }
    // Fails for want of memory alone; the length is bounded far below Int32's end.
    guard length > 0, let target else { preconditionFailure("hiredis could not format a command") }
    output.append(contentsOf: UnsafeRawBufferPointer(start: target, count: Int(length)))
    redisFreeCommand(target)
  }
}
