public import GatewayConfiguration

/// Something by which requests are told apart.
public enum SubjectPart: Sendable, Hashable {
  /// Who was recognised by the key.
  case consumer
  /// The key itself, by its digest's beginning.
  case key
  /// The public name of the model that serves the attempt.
  case model
  /// The upstream that serves the attempt.
  case upstream
  /// The route.
  case route
  /// A header field, by its name in small letters.
  case header(String)
  /// A query parameter.
  case query(String)
  /// A cookie.
  case cookie(String)
  /// The client's address, cut to a network of so many bits.
  case clientAddress(ipv4Bits: Int, ipv6Bits: Int)
}

/// Tells a request's parts; nil for one that it does not have.
public protocol SubjectFacts {
  /// The part's value; for the client's address its text, trusted hops already taken off.
  func value(of part: SubjectPart) -> String?
}

/// Which values of a part a rule is for. The more specific one wins: exact, the longer network, the longer prefix, an expression, any.
public enum SubjectPattern: Sendable {
  /// This value.
  case exact(String)
  /// An address in this network.
  case network(CIDR)
  /// Values that begin so.
  case prefix(String)
  /// Values that an expression matches whole; in time linear in the value, which is a stranger's.
  case regex(ModelPattern)
  /// Any value, but not none.
  case any

  /// Whether it takes the value.
  public func matches(_ value: String?) -> Bool {
    guard let value else { return false }
    return switch self {
    case .exact(let text): value == text
    case .network(let network): IPAddress(value).map(network.contains) ?? false
    case .prefix(let text): value.utf8.starts(with: text.utf8)
    case .regex(let pattern): pattern.matches(value.utf8)
    case .any: true
    }
  }

  /// Sorts patterns: the bigger goes first.
  var specificity: Int {
    switch self {
    case .exact: 1 << 20
    case .network(let network): 1 << 18 + network.prefixBits
    case .prefix(let text): 1 << 10 + min(text.utf8.count, 1 << 9)
    case .regex: 2
    case .any: 1
    }
  }
}

/// Makes names for the store of what strangers send: bounded, and without any character that means something there.
public enum LimitKey {
  /// Bytes of a subject's text; a longer one is replaced by its digest.
  public static let subjectBytesMax = 160

  /// The keys of a bucket (``LeaseScript``): bucket and members share the hash tag, and so a cluster's slot.
  public static func bucket(_ id: String, prefix: String = "sl") -> (bucket: String, members: String) {
    ("\(prefix):{\(id)}:b", "\(prefix):{\(id)}:m")
  }
  /// The keys of a concurrency limit and subject (``ConcurrencyScript``), and of its group.
  public static func slots(_ id: String, groupCount: Int = 1, prefix: String = "sl") -> [String] {
    let tag = "\(prefix):{c\(concurrencyGroup(of: id, groupCount))}"
    return ["\(tag):s:\(id)", "\(tag):mark", "\(tag):nodes"]
  }
  /// The group of a concurrency limit and subject, below the count of groups. A group's own number is in it: limits' names have colons.
  public static func concurrencyGroup(of id: String, _ groupCount: Int) -> Int {
    let number = Int(id).map { UInt64(clamping: $0) } ?? hash(id)
    return Int(number % UInt64(max(1, groupCount)))
  }

  /// Names a rule's case by what it matches, so that its buckets stay its own when cases change their order, their amounts, or others come and go: a
  /// short hash (FNV-1a) of its conditions, in whatever order they are written; `0` for one without. The configuration's author is no stranger: no keyed hash.
  public static func caseID(_ conditions: [(subject: String, patterns: [String])]) -> String {
    guard !conditions.isEmpty else { return "0" }
    // A byte that no text has ends each word, so that no two lists make one text.
    let words = conditions.map { ([$0.subject] + $0.patterns.sorted()).joined(separator: "\u{1}") }.sorted()
    return String(hash(words.joined(separator: "\u{2}")), radix: 36)
  }

  /// FNV-1a.
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  /// The value of a part as it tells subjects apart: addresses cut to their network, others as they are.
  static func value(_ part: SubjectPart, _ text: String?) -> String? {
    guard case .clientAddress(let ipv4Bits, let ipv6Bits) = part, let text, let address = IPAddress(text) else {
      return text
    }
    let bits = address.isIPv6 ? min(max(ipv6Bits, 0), 128) : 96 + min(max(ipv4Bits, 0), 32)
    let mask: UInt128 = bits == 0 ? 0 : .max << (128 - bits)
    return "\(String(address.bits & mask, radix: 16))/\(bits)"
  }

  /// Letters, digits and `-._~@` stay, all else becomes `%XX`; none is `%`, which no value becomes.
  static func escaped(_ value: String?) -> String {
    guard let value else { return "%" }
    var bytes: [UInt8] = []
    for byte in value.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x40: bytes.append(byte)
      default:
        let digits = Array("0123456789ABCDEF".utf8)
        bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
