/// An error that the server answered, such as `WRONGTYPE Operation against a key …`.
public struct RedisServerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The first word if it is a code (capital letters), else `ERR`.
  public let code: String
  /// The server's whole line, cut at `messageBytesMax`. It may quote arguments of the command: a command that carries a secret never gets here.
  public let message: String

  /// How much of a server's words is kept.
  public static let messageBytesMax = 512

  /// Reads an error line (without its `-` and line end).
  package init(line: UnsafeRawBufferPointer) {
    let word = line.prefix { $0 != UInt8(ascii: " ") }
    let isCode = !word.isEmpty && word.count <= 32 && word.allSatisfy { (65...90).contains($0) || $0 == 95 }
    code = isCode ? String(decoding: word, as: UTF8.self) : "ERR"
    message = String(decoding: line.prefix(Self.messageBytesMax), as: UTF8.self)
  }

  /// An error of that line.
  public init(_ line: String) {
    var line = line
    self = line.withUTF8 { Self(line: UnsafeRawBufferPointer($0)) }
  }

  /// The server's words.
  public var description: String { message }
}
