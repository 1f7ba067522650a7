/// What a reader that is not particular may take the name of a form's field, or of a query's, for.
public enum LenientName: Equatable, Sendable {
  /// The model: `model`, `Model`, `model[]`, `%6Dodel`.
  case model
  /// A field that names models beside it.
  case naming(ModelNamingMember)
  /// Anything else.
  case other

  /// Judges a name as it came.
  public init(_ name: [UInt8]) {
    let plain = Self.plain(name)
    if plain == Array("model".utf8) {
      self = .model
    } else if let member = ModelNamingMember.allCases.first(where: { plain == Array($0.rawValue.lowercased().utf8) }) {
      self = .naming(member)
    } else {
      self = .other
    }
  }

  /// The name with escapes resolved, without white space around it, in lower case, up to a bracket or dot.
  private static func plain(_ name: [UInt8]) -> [UInt8] {
    var plain: [UInt8] = []
    var at = 0
    while at < name.count {
      if name[at] == UInt8(ascii: "%"), at &+ 2 < name.count,
        let byte = UInt8(String(decoding: name[(at &+ 1)...(at &+ 2)], as: UTF8.self), radix: 16)
      {
        plain.append(byte)
        at &+= 3
      } else {
        plain.append(name[at])
        at &+= 1
      }
    }
    let folded = JSONKey.fold(plain[...].drop { $0 <= 0x20 })
    let end = folded.firstIndex { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: ".") } ?? folded.count
    return Array(folded[..<end].reversed().drop { $0 <= 0x20 }.reversed())
  }
}
