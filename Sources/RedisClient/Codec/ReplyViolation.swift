/// What made a server's bytes unacceptable. The connection is closed: what follows such bytes cannot be told apart any more.
public enum ReplyViolation: Error, Equatable, Sendable, CustomStringConvertible {
  /// An array announces more elements than `arrayElementsMax`.
  case arrayTooLong(elementsMax: Int)
  /// The arrays of one reply hold more than `elementsMax` elements.
  case tooManyElements(elementsMax: Int)
  /// Arrays are nested deeper than `depthMax`.
  case tooDeep(depthMax: Int)
  /// A bulk string announces more bytes than `bulkBytesMax`.
  case bulkTooLong(bytesMax: Int)
  /// One reply is longer than `replyBytesMax`.
  case replyTooLong(bytesMax: Int)
  /// A line does not end within `lineBytesMax`.
  case lineTooLong(bytesMax: Int)
  /// A type that belongs to RESP3, which was never asked for.
  case resp3(type: UInt8)
  /// A byte that begins no reply.
  case unknownType(UInt8)
  /// A length or an integer that is not a number in range.
  case malformedNumber
  /// A CR or LF where none may stand, or none where one must.
  case malformedLineEnd
  /// hiredis refused what the gate had let pass.
  case refusedByReader
  /// A reply came that no command had asked for.
  case unexpectedReply

  /// What was wrong. Never the server's own bytes.
  public var description: String {
    switch self {
    case .arrayTooLong(let most): "an array of more than \(most) elements"
    case .tooManyElements(let most): "more than \(most) elements in one reply"
    case .tooDeep(let most): "arrays nested deeper than \(most)"
    case .bulkTooLong(let most): "a string of more than \(most) bytes"
    case .replyTooLong(let most): "a reply of more than \(most) bytes"
    case .lineTooLong(let most): "a line of more than \(most) bytes"
    case .resp3(let type): "a RESP3 type (byte \(type)) though RESP2 is spoken"
    case .unknownType(let type): "byte \(type) where a reply begins: this is not a Redis server's answer"
    case .malformedNumber: "a malformed number"
    case .malformedLineEnd: "a malformed line end"
    case .refusedByReader: "a reply that hiredis refuses"
    case .unexpectedReply: "a reply to nothing"
    }
  }
}
