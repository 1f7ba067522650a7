/// One key of the configuration, as the reference page, the JSON schema and the messages know it.
///
/// The row is declared once, in `GatewaySettings+Keys.swift`; parser, checks, reference page and schema come from there.
public struct ConfigurationKey: Sendable, Equatable {
  /// Whether a running gateway takes a new value over.
  public enum Reload: String, Sendable {
    /// At the next reload, for requests that begin after it.
    case live
    /// Only when the process starts.
    case restart
  }

  /// The key's place; `*` stands for a name and `[]` for a place in a list: `upstreams.*.endpoints[].url`.
  public var path: String
  /// What may stand there.
  public var kind: ConfigurationValueKind
  /// The default as one would write it; nil when there is none.
  public var defaultText: String?
  /// True when it must be given.
  public var isRequired: Bool
  /// Whether a running gateway takes a new value over.
  public var reload: Reload
  /// What it does, in one sentence.
  public var sentence: String

  /// True when the value is a secret: it is never printed.
  public var isSecret: Bool { kind.isSecret }
}

/// What may stand under a key.
public indirect enum ConfigurationValueKind: Sendable, Equatable {
  /// `true` or `false`.
  case boolean
  /// A whole number.
  case integer(ClosedRange<Int>)
  /// A decimal number with at most six digits behind the point; the bounds are in millionths.
  case decimal(millionths: ClosedRange<Int>)
  /// The three letters of a currency.
  case currency
  /// `minute` and its like, or a time.
  case window([String], ClosedRange<Duration>)
  /// What makes a subject of its own: one of these words, or one of the kinds with a name behind a colon, such as `header:NAME`.
  case subject([String], named: [String])
  /// Exact text, `prefix*`, `/regex/`, or `*`.
  case pattern
  /// Names with patterns, one or several each.
  case patternsByName
  /// Bytes: `32MiB`, `10MB`, or a plain number.
  case size(ClosedRange<Int>)
  /// A time with its unit: `250ms`, `30s`, `1m30s`, `2h`.
  case duration(ClosedRange<Duration>)
  /// Any text.
  case text
  /// A text that is never printed.
  case secret
  /// One of these words.
  case choice([String])
  /// `host:port`.
  case address
  /// An address block such as `10.0.0.0/8`.
  case block
  /// A base URL.
  case url
  /// A path below `/`.
  case path
  /// The name of an upstream of this file.
  case upstreamName
  case consumerName
  /// The name of a model of this file.
  case modelName
  /// Several of them.
  case list(ConfigurationValueKind)
  /// One of them, or several in a list.
  case oneOrMore(ConfigurationValueKind)
  /// Names with texts that are never printed.
  case secretsByName
  /// Keys of their own, described by their own rows; with a short form, if there is one.
  case section(orShort: [String])
  /// Names that the user chooses, each with keys of its own.
  case sectionsByName
  /// A list of sections; the whole list, or each element, may be just a text where so marked.
  case sections(orText: Bool = false, elementsOrText: Bool = false)

  var isSecret: Bool {
    switch self {
    case .secret, .secretsByName: true
    case .list(let kind), .oneOrMore(let kind): kind.isSecret
    default: false
    }
  }
}
