/// What the run estimator adds up: each happens at one byte and costs a fixed part of a token.
///
/// Costs of later letters are what they add to the word's: below 0 where the longer word is the likelier token.
public enum EstimatorEvent: Int, CaseIterable, Sendable {
  /// The n-th letter of a Latin word; each beyond the 13th.
  case letter1, letter2, letter3, letter4, letter5, letter6, letter7, letter8, letter9, letter10, letter12, letterBeyond
  /// A word that begins with a capital; a capital after a capital; a capital after a small letter.
  case capitalised, capital, caseTurn
  /// j, k, q, v, w, x, y or z; the third consonant in a row, and each further one.
  case rareLetter, consonantRun
  /// A letter beyond ASCII; every further letter of its word.
  case accented, letterAfterAccent
  /// A word with something in front that it is not led by: one sign, several, digits, a line's end, another script.
  case wordAfterSign, wordAfterSigns, wordAfterDigit, wordAfterNewline, wordAfterScript
  /// In a run of letters and digits, as in hexadecimal numbers: a further letter, a further turn.
  case mixedLetter, mixedTurn
  /// A Cyrillic word: its n-th letter; capitals but the first.
  case cyrillic1, cyrillic2, cyrillic3, cyrillic5, cyrillic7, cyrillic9, cyrillic12, cyrillicBeyond, cyrillicCapital
  /// A word in another alphabet of two bytes a letter (Greek, Hebrew, Arabic): its start, and every letter.
  case alphabetWord, alphabetLetter
  /// An ideograph, by its first byte; the n-th of a run; one after kana.
  case ideographE4, ideographE5, ideographE6, ideographE7, ideographE8, ideographE9
  case ideograph1, ideograph2, ideograph3, ideograph4, ideographAfterKana
  case hiragana1, hiragana2, hiragana3, katakana1, katakana2, katakana3, katakana4
  case hangul1, hangul2
  /// A scalar of another script of three bytes.
  case scriptScalar
  /// The digits of a group of three; one after three.
  case digit1, digit2, digit3, digitGroup
  /// A space before a digit; before another script or a sign beyond ASCII.
  case spaceDigit, spaceScript
  /// The first sign of a run.
  case stop, comma, colon, quote, apostrophe, opening, closing, bracket, closingBracket, angle, hyphen, underscore,
    slash
  case backslash, hash, star, equals, pipe, backtick, dollar, otherSign
  /// Its second, by the same kinds where it matters; the third and each further one; one that repeats the last.
  case secondClosing, secondQuote, secondComma, secondBackslash, secondSign, furtherSign, repeatedSign
  /// A sign directly behind a word or number; a space in front.
  case signAfterWord, spaceSign
  /// The first line end of a run after a word or a sign, the second, each beyond.
  case newlineAfterSign, newline, newline2, newlineBeyond
  /// Spaces at a line's start: two, four, eight, sixteen and each beyond; a tab there.
  case indentation2, indentation4, indentation8, indentation16, indentationBeyond, tab
  /// Two spaces elsewhere, and each further one.
  case spaceRun, spaceRunBeyond
  /// CJK and fullwidth signs: the first of a run, a further one.
  case wideSign, wideSignFurther
  /// General punctuation (dashes, quotation marks); Latin-1 signs; box drawing; other signs; one behind another such.
  case dash, latinSign, boxSign, symbol, repeatedSymbol
  /// Scalars of four bytes: faces, other emoji, flags' halves, rare letters; joiners and variation selectors.
  case face, emoji, flag, rareScalar, joiner
  /// A byte that is no UTF-8 where it stands.
  case stray

  /// The name in a coefficients file.
  public var name: String { "\(self)" }

  /// By name: asking for a name is slow.
  static let named = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })
}
