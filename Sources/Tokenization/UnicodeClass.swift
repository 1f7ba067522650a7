/// What the pre-tokenisers want to know of a scalar: its general category, coarsened, with white space taken out first.
///
/// The categories are those of Unicode 16.0: with these tiktoken 0.14 (crate regex-syntax 0.8.11) and Hugging Face
/// tokenizers 0.23 (onig 6.5.3) agree in every scalar. An older table misses letters, a newer one has too many.
enum UnicodeClass {
  /// Uppercase and titlecase letters (Lu, Lt).
  static let upper: UInt8 = 0
  /// Lowercase letters (Ll).
  static let lower: UInt8 = 1
  /// Modifier and other letters (Lm, Lo): ideographs, kana, Thai, ...
  static let letter: UInt8 = 2
  /// Marks (M).
  static let mark: UInt8 = 3
  /// Numbers (N).
  static let number: UInt8 = 4
  /// White space except line ends.
  static let space: UInt8 = 5
  /// CR and LF.
  static let newline: UInt8 = 6
  /// Punctuation and symbols (P, S).
  static let sign: UInt8 = 7
  /// Control, format, private use, unassigned (C).
  static let other: UInt8 = 8
  /// Not in the table: the scripts that DeepSeek's second split isolates. See `PieceScanner+DeepSeek.swift`.
  static let isolated: UInt8 = 9

  /// The class of a scalar. For tests and tables; the scanners read UTF-8 through `ScalarReader`.
  static func of(_ scalar: Unicode.Scalar) -> UInt8 { ScalarReader().classOf(scalar.value) }
}

/// A set of classes, one bit each.
struct ClassSet {
  let bits: UInt16

  init(_ classes: UInt8...) { bits = classes.reduce(0) { $0 | 1 << UInt16($1) } }
  private init(bits: UInt16) { self.bits = bits }

  @inline(__always)
  func contains(_ scalarClass: UInt8) -> Bool { bits & (1 << UInt16(truncatingIfNeeded: scalarClass)) != 0 }

  static let letters = ClassSet(bits: 0b0_0000_0111)
  static let lettersAndMarks = ClassSet(bits: 0b0_0000_1111)
  /// What may stand in the second half of a word that is split by case.
  static let lowerHalf = ClassSet(bits: 0b0_0000_1110)
  static let newlines = ClassSet(bits: 0b0_0100_0000)
  static let signs = ClassSet(bits: 0b0_1000_0000)
  static let signsAndOthers = ClassSet(bits: 0b1_1000_0000)
  /// Neither space nor letter nor number.
  static let signsOthersAndMarks = ClassSet(bits: 0b1_1000_1000)
  static let isolated = ClassSet(bits: 0b10_0000_0000)
}
