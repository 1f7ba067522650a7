/// What the run estimator adds up: each happens at one byte or scalar and costs a fixed part of a token.
public enum EstimatorEvent: Int, CaseIterable, Sendable {
  /// The first letter of a Latin word; the 4th, 7th, 10th and 14th; and each beyond.
  case letter1, letter4, letter7, letter10, letter14, letterBeyond
  /// A word with nothing but another run in front of it.
  case unledWord
  /// A capital after a capital; a capital after a small letter; a letter beyond ASCII.
  case capital, caseTurn, accented
  /// A word in another alphabet of two bytes a letter (Greek, Cyrillic, Hebrew, Arabic): its start, and every letter.
  case alphabetWord, alphabetLetter
  /// Ideographs, and the start of a run of them.
  case ideograph, ideographRun
  case hiragana, katakana, hangul
  /// A scalar of another script of three bytes.
  case scriptScalar
  case digit, digitThird
  /// A run of ASCII signs: its start, a further sign, a repeated one.
  case signRun, sign, repeatedSign
  /// A run of line ends; spaces at a line's start, and each further one.
  case newlineRun, indentation, indentationBeyond
  /// Two and more spaces elsewhere; a space before a digit.
  case spaceRun, spaceDigit
  /// CJK and fullwidth signs; other signs beyond ASCII.
  case wideSign, otherSign
  /// A scalar of four bytes; a joiner or variation selector.
  case emoji, joiner

  /// The name in a coefficients file.
  public var name: String { "\(self)" }
}
