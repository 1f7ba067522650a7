internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import RateLimiting

/// What of a request's head limits are by, as the configuration says: nothing else is looked at or copied.
struct FactsWanted: Sendable {
  private var headers: Set<String> = []
  private var queries: Set<String> = []
  private var cookies: Set<String> = []
  private var wantsClient = false
  /// Whether the client's key is told by its digest.
  private(set) var wantsKey = false
  /// Whether requests are told apart by their path.
  private(set) var wantsRoute = false

  init(_ limits: [LimitSettings]) {
    for limit in limits {
      let conditions = limit.match.conditions + limit.amounts.flatMap(\.match.conditions)
      for subject in limit.each + conditions.map(\.subject) { note(subject) }
    }
  }

  private mutating func note(_ subject: LimitSubject) {
    switch subject {
    case .consumer, .model, .upstream: break
    case .key: wantsKey = true
    case .route: wantsRoute = true
    case .client: wantsClient = true
    case .header(let name): headers.insert(name)
    case .query(let name): queries.insert(name)
    case .cookie(let name): cookies.insert(name)
    }
  }

  /// Whether anything of a head is wanted that is gone when its body has come.
  var isOfHead: Bool { wantsClient || wantsKey || !headers.isEmpty || !queries.isEmpty || !cookies.isEmpty }

  /// Reads what is wanted. Values longer than ``valueBytesMax`` are cut: they are a stranger's.
  ///
  /// - Parameter key: the digest of the client's key, in hexadecimal digits.
  func read(
    _ head: RequestHead, _ fields: [HeaderField], _ bytes: RawSpan, peer: String, trusted: [CIDR], key: String?
  ) -> HeadFacts {
    var facts = HeadFacts(key: key)
    if wantsClient { facts.client = ClientAddress.of(peer, fields, bytes, trusted: trusted) }
    for name in headers { facts.values[.header(name)] = Self.header(name, fields, bytes) }
    if !queries.isEmpty, let range = head.query { readQuery(bytes.extracting(range), into: &facts) }
    if !cookies.isEmpty { readCookies(fields, bytes, into: &facts) }
    return facts
  }

  /// The longest value that tells requests apart; what follows is not looked at.
  static let valueBytesMax = 1024

  /// A field that comes several times is one value (RFC 9110 section 5.3).
  private static func header(_ name: String, _ fields: [HeaderField], _ bytes: RawSpan) -> String? {
    var joined: String?
    for field in fields where matches(field, name, bytes) {
      let value = text(bytes.extracting(field.value))
      guard let before = joined else {
        joined = value
        continue
      }
      guard before.utf8.count < valueBytesMax else { break }
      joined = cut("\(before), \(value)")
    }
    return joined
  }

  private static func matches(_ field: HeaderField, _ name: String, _ bytes: RawSpan) -> Bool {
    guard field.name.count == name.utf8.count else { return false }
    return bytes.withUnsafeBytes { all in
      zip(all[field.name], name.utf8).allSatisfy { byte, letter in
        byte == letter || (byte | 0x20 == letter && (0x41...0x5A).contains(byte))
      }
    }
  }

  private func readQuery(_ query: RawSpan, into facts: inout HeadFacts) {
    // With the question mark that it begins with, or without.
    for pair in Self.text(query, bytesMax: 8192).drop(while: { $0 == "?" }).split(separator: "&") {
      let name = PercentEncoding.decode(form: pair.prefix { $0 != "=" })
      guard queries.contains(name), facts.values[.query(name)] == nil else { continue }
      facts.values[.query(name)] = Self.cut(PercentEncoding.decode(form: pair.drop { $0 != "=" }.dropFirst()))
    }
  }

  private func readCookies(_ fields: [HeaderField], _ bytes: RawSpan, into facts: inout HeadFacts) {
    for field in fields where Self.matches(field, "cookie", bytes) {
      for pair in Self.text(bytes.extracting(field.value), bytesMax: 8192).split(separator: ";") {
        let trimmed = pair.drop { $0 == " " }
        let name = String(trimmed.prefix { $0 != "=" })
        guard cookies.contains(name), facts.values[.cookie(name)] == nil else { continue }
        facts.values[.cookie(name)] = Self.cut(String(trimmed.drop { $0 != "=" }.dropFirst()))
      }
    }
  }

  private static func text(_ bytes: RawSpan, bytesMax: Int = valueBytesMax) -> String {
    bytes.withUnsafeBytes { String(decoding: $0.prefix(bytesMax), as: UTF8.self) }
  }

  private static func cut(_ value: String) -> String {
    String(decoding: value.utf8.prefix(valueBytesMax), as: UTF8.self)
  }
}

/// What was read of a request's head.
struct HeadFacts: Sendable {
  var key: String?
  var client: String?
  var values: [SubjectPart: String] = [:]
}

/// By what the limits tell one attempt of a request from others.
final class RequestFacts: SubjectFacts, Sendable {
  private let consumer: String
  private let model: String?
  private let upstream: String
  private let route: String?
  private let head: HeadFacts?

  init(consumer: String, model: String?, upstream: String, route: String?, head: HeadFacts?) {
    self.consumer = consumer
    self.model = model
    self.upstream = upstream
    self.route = route
    self.head = head
  }

  func value(of part: SubjectPart) -> String? {
    switch part {
    case .consumer: consumer
    case .model: model
    case .upstream: upstream
    case .route: route
    case .key: head?.key
    case .clientAddress: head?.client
    case .header, .query, .cookie: head?.values[part]
    }
  }
}
