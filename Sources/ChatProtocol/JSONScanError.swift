/// Why a document was refused, and where.
public struct JSONScanError: Error, Equatable, Sendable {
  /// The kinds of refusal. All but the last four are violations of RFC 8259 or RFC 3629.
  public enum Reason: Equatable, Sendable {
    /// Nothing but whitespace.
    case empty
    /// The document starts with a byte order mark, which RFC 8259 section 8.1 forbids to send.
    case byteOrderMark
    /// The document ends inside a value.
    case truncated
    /// A byte that cannot stand here.
    case unexpectedByte
    /// Something other than whitespace follows the document.
    case trailingBytes
    /// A number outside the grammar, such as `01`, `1.` or `+1`.
    case badNumber
    /// A backslash followed by something other than the nine escapes.
    case badEscape
    /// Half of a surrogate pair, escaped as `\u`.
    case loneSurrogate
    /// A control character inside a string, not escaped.
    case controlCharacter
    /// Overlong, truncated, out of range, or an encoded surrogate.
    case invalidUTF8
    /// More nested than `JSONLimits.depthMax`.
    case tooDeep
    /// Valid, but the top level is not an object.
    case notAnObject
    /// A key that the gateway acts on stands there twice: two readers could take two different values.
    case duplicateKey(RequestField)
    /// A key that the gateway would act on, in other letters: a reader that ignores case would take it for this one.
    case otherCase(of: String)
    /// The value of a key that the gateway acts on has another type than the protocol says.
    case wrongType(RequestField, expected: Expectation)
  }

  /// What a field may hold.
  public enum Expectation: String, Equatable, Sendable {
    /// `"text"` or `null`
    case string = "a string"
    /// `true`, `false` or `null`
    case boolean = "a boolean"
    /// A whole number that fits 64 bits, or `null`
    case integer = "an integer"
    /// `{...}` or `null`
    case object = "an object"
    /// A whole number in `RequestScanner.choicesRange`, or `null`
    case choiceCount = "an integer from 1 to 128"
  }

  /// The byte at which the document was refused, counted from 0.
  public let offset: Int
  /// Why.
  public let reason: Reason

  /// A refusal of the document at `offset`.
  public init(offset: Int, reason: Reason) {
    self.offset = offset
    self.reason = reason
  }

  /// The name of the field at fault, as OpenAI's error shape has it in `param`.
  public var param: String? {
    switch reason {
    case .duplicateKey(let field), .wrongType(let field, _): field.rawValue
    case .otherCase(let name): name
    default: nil
    }
  }

  /// One sentence for the client.
  public var message: String {
    switch reason {
    case .empty: "the request body is empty: a JSON object was expected"
    case .byteOrderMark: "invalid JSON at byte \(offset): a byte order mark, which JSON forbids"
    case .truncated: "invalid JSON at byte \(offset): the document ends early"
    case .unexpectedByte: "invalid JSON at byte \(offset): unexpected byte"
    case .trailingBytes: "invalid JSON at byte \(offset): something follows the end of the document"
    case .badNumber: "invalid JSON at byte \(offset): malformed number"
    case .badEscape: "invalid JSON at byte \(offset): unknown escape in a string"
    case .loneSurrogate: "invalid JSON at byte \(offset): lone surrogate in a string"
    case .controlCharacter: "invalid JSON at byte \(offset): control character in a string, which must be escaped"
    case .invalidUTF8: "invalid JSON at byte \(offset): invalid UTF-8"
    case .tooDeep: "invalid JSON at byte \(offset): nested too deeply"
    case .notAnObject: "invalid request at byte \(offset): the body must be a JSON object"
    case .duplicateKey(let field): "invalid request at byte \(offset): '\(field.rawValue)' is given twice"
    case .otherCase(let name):
      "invalid request at byte \(offset): a member differs from '\(name)' only in case. Write it '\(name)', or leave it out"
    case .wrongType(let field, let expected):
      "invalid value for '\(field.rawValue)' at byte \(offset): expected \(expected.rawValue)"
    }
  }
}
