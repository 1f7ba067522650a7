/// Why a vocabulary file, or a list of tokens, was refused.
public enum VocabularyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Not a vocabulary file, or one of another version.
  case notAVocabulary
  /// Shorter or longer than its header says.
  case wrongSize(expected: Int, found: Int)
  /// The checksum differs: the file is damaged.
  case damaged
  /// A pre-tokeniser that this program does not know.
  case unknownPreTokeniser(UInt32)
  /// More tokens or bytes than a vocabulary may have, or a name that does not fit.
  case tooLarge
  /// A token is empty, too long, or merged from tokens that do not make it.
  case badToken(Int)
  /// A single byte that is no token: some texts could not be encoded.
  case missingByte(UInt8)

  /// Words for the operator.
  public var description: String {
    switch self {
    case .notAVocabulary: "not a vocabulary file of this version"
    case .wrongSize(let expected, let found): "\(found) bytes where the header tells of \(expected)"
    case .damaged: "the checksum differs; the file is damaged"
    case .unknownPreTokeniser(let code): "pre-tokeniser \(code) is not known to this version"
    case .tooLarge: "more tokens or bytes than a vocabulary may have"
    case .badToken(let number): "token \(number) is malformed"
    case .missingByte(let byte): "byte \(byte) is not a token"
    }
  }
}
