internal import CLinux
internal import HTTPWire

/// Keeps the key that a client presents from standing anywhere but where it was presented: not upstream, not in a log, not in words.
///
/// Clients send keys in places where they do not belong: `?key=` of Google's libraries, a script that puts one into `x-request-id`, a path or the
/// model's name. What the client presented as its key is looked for as it is; any consumer's key is known by its hash.
struct CredentialShield {
  /// What stands in the place of a key.
  static let blank = "***"
  /// Parts of a path or query that are hashed.
  private static let hashesMax = 32
  /// Places in a text that are looked at one by one.
  private static let placesMax = 64

  private let key: [UInt8]
  private let identities: IdentityTable

  /// - Parameter presented: where the key stands that the client presented.
  init(_ presented: Range<Int>?, _ bytes: RawSpan, _ identities: IdentityTable) {
    self.identities = identities
    guard let presented, presented.count >= IdentityTable.keyBytesMin else {
      key = []
      return
    }
    key = bytes.withUnsafeBytes { [UInt8]($0[presented]) }
  }

  /// Whether the text is or holds the client's key, or is one of a consumer.
  func finds(in text: String) -> Bool { holdsKey(Array(text.utf8)) || identities.isKey(text) }

  /// The path with what is a key taken out.
  func cleaned(path: String) -> String {
    // A key may hold a slash.
    if holdsKey(Array(PercentEncoding.decode(Array(path.utf8).span.bytes).utf8)), !segments(path).contains(where: isKey)
    {
      return "/" + Self.blank
    }
    guard segments(path).prefix(Self.hashesMax).contains(where: isKey) else { return path }
    return segments(path).map { isKey($0) ? Self.blank : String($0) }.joined(separator: "/")
  }

  private func segments(_ path: String) -> [Substring] { path.split(separator: "/", omittingEmptySubsequences: false) }

  private func isKey(_ segment: Substring) -> Bool {
    segment.utf8.count >= IdentityTable.keyBytesMin
      && finds(in: PercentEncoding.decode(Array(segment.utf8).span.bytes))
  }

  /// Path and query for an upstream: credentials in the query are left out, keys in the path blanked. Everything else stays as it came.
  func cleaned(target: [UInt8]) -> [UInt8] {
    let text = String(decoding: target, as: UTF8.self)
    guard let mark = text.firstIndex(of: "?") else {
      let clean = cleaned(path: text)
      return clean == text ? target : Array(clean.utf8)
    }
    let path = cleaned(path: String(text[..<mark]))
    let query = text[text.index(after: mark)...]
    let members = query.split(separator: "&", omittingEmptySubsequences: false)
    let kept = members.enumerated().filter { index, member in
      // To some readers a semicolon begins another member.
      !member.split(separator: ";").contains { isCredential($0, mayHash: index < Self.hashesMax) }
    }.map(\.element)
    if kept.count == members.count && path == text[..<mark] { return target }
    return Array((kept.isEmpty ? path : path + "?" + kept.joined(separator: "&")).utf8)
  }

  /// Names under which services take a key in the query, in lower case, `-` for `_`.
  private static let names: Set<String> = [
    "key", "api-key", "apikey", "x-api-key", "x-goog-api-key", "access-token", "accesstoken", "auth-token", "token",
    "auth", "authorization", "bearer", "bearer-token", "subscription-key", "ocp-apim-subscription-key", "secret",
    "client-secret", "secret-key", "password", "x-auth-token", "openai-api-key", "anthropic-api-key",
  ]

  private func isCredential(_ member: Substring, mayHash: Bool) -> Bool {
    let name = PercentEncoding.decode(form: member.prefix { $0 != "=" })
    if Self.names.contains(name.lowercased().replacing("_", with: "-")) { return true }
    let value = PercentEncoding.decode(form: member.drop { $0 != "=" }.dropFirst())
    return [name, value].contains { text in
      text.utf8.count >= IdentityTable.keyBytesMin && (holdsKey(Array(text.utf8)) || mayHash && identities.isKey(text))
    }
  }

  private func holdsKey(_ text: [UInt8]) -> Bool {
    guard !key.isEmpty, text.count >= key.count else { return false }
    return text.withUnsafeBytes { Self.holds(key: 0..<key.count, key.span.bytes, in: $0) }
  }

  /// Whether bytes hold the key that stands at `key`.
  static func holds(key: Range<Int>?, _ keyBytes: RawSpan, in text: UnsafeRawBufferPointer) -> Bool {
    guard let key, key.count >= IdentityTable.keyBytesMin, text.count >= key.count else { return false }
    return keyBytes.withUnsafeBytes { all in
      guard let base = text.baseAddress, let keyBase = all.baseAddress.map({ $0 + key.lowerBound }) else {
        return false
      }
      let places = text.count &- key.count &+ 1
      guard places <= placesMax else { return memmem(base, text.count, keyBase, key.count) != nil }
      // Few places, as nearly always: what `memmem` prepares would cost more than to look.
      let beginning = keyBase.loadUnaligned(as: UInt64.self)
      for place in 0..<places where base.loadUnaligned(fromByteOffset: place, as: UInt64.self) == beginning {
        if memcmp(base + place, keyBase, key.count) == 0 { return true }
      }
      return false
    }
  }
}
