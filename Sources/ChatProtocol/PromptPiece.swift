/// Who speaks in a message.
public enum PromptRole: UInt8, Sendable, CaseIterable {
  /// `system` and `developer`.
  case system
  /// `user`.
  case user
  /// `assistant`.
  case assistant
  /// `tool`, the older `function`, and the outputs of `/v1/responses`.
  case tool
}

/// Something in a prompt that costs tokens: a mark (one thing of its kind), or a part of a text.
///
/// A text comes in one or more parts, the last of which has `isLast`; no other piece stands between them. Parts are cut between the units
/// of JSON strings, never inside an escape or a pair of surrogates, but perhaps inside a UTF-8 sequence.
public struct PromptPiece: Equatable, Sendable {
  /// What a piece is.
  public enum Kind: UInt8, Sendable {
    /// Nothing yet: so many bytes were passed that whoever asked may want to do something else first.
    case pause

    // MARK: Marks

    /// A message begins.
    case message
    /// The message's role, one of the known ones; it stands anywhere in the message.
    case role
    /// A text, or a list of tokens, of `/v1/completions` or `/v1/embeddings` begins.
    case prompt
    /// Tokens that are given as numbers: `count` of them.
    case tokens
    /// A tool call of an earlier answer.
    case toolCall
    /// An image.
    case image
    /// An image of which a small version is asked for (`"detail":"low"`).
    case imageLow
    /// A sound.
    case audio
    /// A file, a document that is not plain text, or a film.
    case file
    /// Tools are offered: once, before the first.
    case tools
    /// A tool or function.
    case tool
    /// A tool's parameters, or an object among them, have properties: once for each such object.
    case properties
    /// A property may have listed values only.
    case enumeration

    // MARK: Texts, whose parts are pieces of JSON strings

    /// What a message says, refusals among it; also an unknown role's name.
    case text
    /// What an earlier answer thought.
    case reasoning
    /// A speaker's name.
    case name
    /// The name of a called tool.
    case toolName
    /// The arguments of a called tool.
    case toolArguments
    /// The name of an offered tool.
    case signature
    /// The description of an offered tool.
    case signatureDescription
    /// The name of a parameter.
    case property
    /// The type of a parameter.
    case propertyType
    /// The description of a parameter.
    case propertyDescription
    /// A value that a parameter may have.
    case enumerationValue

    // MARK: Texts, whose parts are pieces of JSON documents

    /// A called tool's arguments as a JSON value.
    case argumentsDocument
    /// An offered tool as it stands.
    case toolDocument
    /// The schema asked of the answer.
    case schemaDocument
  }

  /// What it is.
  public let kind: Kind
  /// Of the kind `role`: which.
  public var role = PromptRole.user
  /// Of the kind `tokens`: how many.
  public var count = 0
  /// Of a text: where this part stands. The quotes of its range are whatever stands there.
  public var part = JSONStringRange(range: 0..<0, hasEscapes: false)
  /// Of a text: whether it ends with this part.
  public var isLast = false

  /// Whether it is a part of a text.
  public var isText: Bool { kind.rawValue >= Kind.text.rawValue }
  /// Whether it is a part of a JSON document rather than of a JSON string.
  public var isDocument: Bool { kind.rawValue >= Kind.argumentsDocument.rawValue }

  init(_ kind: Kind) { self.kind = kind }
}
