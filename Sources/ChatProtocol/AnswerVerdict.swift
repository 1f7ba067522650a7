/// Whether a document with a good status is an answer.
public enum AnswerVerdict: Equatable, Sendable {
  /// It is.
  case answer
  /// It tells of a failure instead, in these words, if it has any.
  case failure(message: JSONStringRange?)
  /// It tells neither.
  case notAnAnswer(Fault)

  /// What is wrong with a document that is no answer.
  public enum Fault: Equatable, Sendable {
    /// Nothing but white space.
    case empty
    /// It ends early.
    case cutShort
    /// It breaks the rules of JSON at this byte, counted from 0.
    case noJSON(offset: Int)
    /// `null`.
    case null
    /// A text, a number or a boolean by itself, or a list where an object is expected.
    case notAnObject
    /// What makes it an answer of its endpoint is missing, `null` or empty.
    case lacksAnswer

    /// What is wrong, for a sentence that begins with "the upstream's answer".
    public var message: String {
      switch self {
      case .empty: "is empty"
      case .cutShort: "ends early"
      case .noJSON(let offset): "is no valid JSON, at byte \(offset)"
      case .null: "is null"
      case .notAnObject: "is no JSON object"
      case .lacksAnswer: "holds no answer of this endpoint"
      }
    }
  }
}
