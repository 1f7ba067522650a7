internal import COpenSSL
internal import GatewayConfiguration
internal import HTTPWire

/// Who owns which key. Keys are known by their SHA-256 alone; what a client sends is hashed and looked up.
struct IdentityTable: Sendable {
  /// What came of looking at a request's credentials.
  enum Verdict: Equatable {
    /// The consumer's index in the settings; nil for the anonymous one. With the digest of the key that was looked up.
    case consumer(Int?, KeyDigestWords?)
    case noCredential
    case badCredential
    /// Two credentials that differ: not for us to choose from.
    case ambiguous
  }

  /// A shorter key is none (`any`, `none`, `EMPTY`), and would be found everywhere that keys are looked for.
  static let keyBytesMin = 8
  /// No key is longer; what is, cannot be one.
  private static let keyBytesMax = 1024

  private var consumers: [KeyDigestWords: Int] = [:]
  private let acceptsAnonymous: Bool

  init(_ settings: GatewaySettings) {
    acceptsAnonymous = settings.anonymous
    for (index, consumer) in settings.consumers.enumerated() {
      for key in consumer.keys {
        var digest = KeyDigestWords()
        withUnsafeMutableBytes(of: &digest.words) { $0.copyBytes(from: key.bytes.prefix(32)) }
        consumers[digest] = index
      }
    }
  }

  /// Where the first credential stands that the client presents, whatever it is worth; nil when it presents none.
  static func presented(_ fields: [HeaderField], _ bytes: RawSpan) -> Range<Int>? {
    for field in fields {
      switch field.id {
      case .authorization: return bearerToken(field.value, bytes) ?? field.value
      case .xApiKey, .apiKey: return field.value
      default: continue
      }
    }
    return nil
  }

  /// Whether the text is the key of a consumer.
  func isKey(_ text: String) -> Bool {
    guard !consumers.isEmpty, (Self.keyBytesMin...Self.keyBytesMax).contains(text.utf8.count) else {
      return false
    }
    return consumers[Self.digest(of: text)] != nil
  }

  /// Finds the consumer of a request by `Authorization: Bearer`, `x-api-key` or `api-key`.
  ///
  /// - Parameter presented: set to where the credential stands.
  func identify(_ fields: [HeaderField], _ bytes: RawSpan, presented found: inout Range<Int>?) -> Verdict {
    for field in fields {
      let credential: Range<Int>
      switch field.id {
      case .authorization:
        guard let token = Self.bearerToken(field.value, bytes) else { return .badCredential }
        credential = token
      case .xApiKey, .apiKey: credential = field.value
      default: continue
      }
      if let found {
        guard Self.areEqual(found, credential, bytes) else { return .ambiguous }
      }
      found = credential
    }
    guard let found, !found.isEmpty else { return acceptsAnonymous ? .consumer(nil, nil) : .noCredential }
    // A laptop's SDK must send some key: without consumers any is as good as none.
    if consumers.isEmpty && acceptsAnonymous { return .consumer(nil, nil) }
    guard found.count <= Self.keyBytesMax else { return .badCredential }
    let digest = Self.digest(of: found, bytes)
    guard let index = consumers[digest] else { return .badCredential }
    return .consumer(index, digest)
  }

  private static func bearerToken(_ value: Range<Int>, _ bytes: RawSpan) -> Range<Int>? {
    bytes.withUnsafeBytes { all in
      let text = UnsafeRawBufferPointer(rebasing: all[value])
      let scheme: StaticString = "bearer "
      // An SDK with an empty key sends the scheme alone, whose space the parser has trimmed: that is no key rather than a wrong one.
      if text.count == 6, zip(text, "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 }) {
        return value.upperBound..<value.upperBound
      }
      guard text.count > scheme.utf8CodeUnitCount else { return nil }
      for position in 0..<scheme.utf8CodeUnitCount where text[position] | 0x20 != scheme.utf8Start[position] {
        return nil
      }
      var start = value.lowerBound + scheme.utf8CodeUnitCount
      while start < value.upperBound && all[start] == UInt8(ascii: " ") { start += 1 }
      return start..<value.upperBound
    }
  }

  private static func areEqual(_ left: Range<Int>, _ right: Range<Int>, _ bytes: RawSpan) -> Bool {
    bytes.withUnsafeBytes { all in all[left].elementsEqual(all[right]) }
  }

  /// The digest of a text.
  static func digest(of text: String) -> KeyDigestWords {
    let bytes = Array(text.utf8)
    return digest(of: 0..<bytes.count, bytes.span.bytes)
  }

  static func digest(of key: Range<Int>, _ bytes: RawSpan) -> KeyDigestWords {
    var digest = KeyDigestWords()
    bytes.withUnsafeBytes { all in
      withUnsafeMutableBytes(of: &digest.words) { target in
        // The low-level calls: a quarter of what the EVP interface costs for so short a text.
        var context = SHA256_CTX()
        SHA256_Init(&context)
        SHA256_Update(&context, all.baseAddress.map { $0 + key.lowerBound }, key.count)
        SHA256_Final(target.baseAddress?.assumingMemoryBound(to: UInt8.self), &context)
      }
    }
    return digest
  }
}

/// A key's SHA-256 as it is looked up.
struct KeyDigestWords: Hashable, Sendable {
  var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  // The digest is as good as random already: one word of it is the hash.
  func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

  /// In 64 digits.
  var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    return withUnsafeBytes(of: words) { bytes in
      String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
  }
}

/// SHA-256 for the command line and the configuration.
public enum KeyHash {
  /// The digest of a client key.
  public static func sha256(_ key: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var context = SHA256_CTX()
    SHA256_Init(&context)
    SHA256_Update(&context, key, key.count)
    SHA256_Final(&digest, &context)
    return digest
  }
}
