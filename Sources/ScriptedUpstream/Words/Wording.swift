/// The text of every token: what the voice says or a mixed text, in the script's style.
struct Wording: Sendable {
  /// Rows of tokens that are numbered on their own.
  enum Row {
    case content
    case reasoning
    case refusal
  }

  private static let emoji = ["🌊", "é", "漢字", "👩‍🚀", "🇫🇷", "👍🏽", "Ωß", "👨‍👩‍👧‍👦", "한"]

  /// How far apart the choices of one answer are in their text, in tokens.
  private static let choiceStep = 7

  let voice: Voice
  private let style: Script.Text
  private let splitsSurrogates: Bool
  private let isEscaped: Bool
  private let filler: [UInt8]

  init(_ script: Script, model: String) {
    voice = Voice.of(model: model)
    style = script.text
    splitsSurrogates = script.splitsSurrogates
    isEscaped = script.text == .escaped || script.text == .mixedEscaped || script.splitsSurrogates
    filler = if case .big(let count) = script.text { Array(repeating: UInt8(ascii: "x"), count: count) } else { [] }
  }

  /// How many tokens a text has that is as long as the voice would have it.
  var contentCount: Int {
    style == .mixed || style == .mixedEscaped ? MixedText.pieces.count : voice.words.count
  }

  /// Appends the text of token `index` of the `count` tokens of a row as the inside of a JSON string.
  func append(_ row: Row, _ index: Int, of count: Int, choice: Int, to bytes: inout [UInt8]) {
    if case .big(let size) = style {
      // From a filler in one piece: a gigabyte of such events must not be the bottleneck, not even in a debug build.
      let number = Self.bigNumber(index + choice * Self.choiceStep)
      bytes.append(number)
      bytes.append(contentsOf: filler[..<max(0, size - number.utf8.count)])
    } else if splitsSurrogates {
      bytes.appendEscapedASCII(units(row, index, of: count, choice: choice))
    } else {
      append(word(row, index, choice: choice), to: &bytes)
    }
  }

  /// Appends `text` as the inside of a JSON string, escaped as the script wants it.
  func append(_ text: String, to bytes: inout [UInt8]) {
    if isEscaped { bytes.appendEscapedASCII(text.utf16) } else { bytes.appendEscaped(text) }
  }

  /// The same for text in UTF-16; where nothing is escaped it has no half pairs.
  func append(_ units: [UInt16], to bytes: inout [UInt8]) {
    if isEscaped {
      bytes.appendEscapedASCII(units)
    } else {
      bytes.appendEscaped(String(decoding: units, as: UTF16.self))
    }
  }

  /// The text of the same token in UTF-16. Only with split surrogates one may begin or end with half a pair.
  func units(_ row: Row, _ index: Int, of count: Int, choice: Int) -> [UInt16] {
    var units = Array(word(row, index, choice: choice).utf16)
    guard splitsSurrogates else { return units }
    // The second half of a pair that ends a token goes to the next one, if there is one.
    if index + 1 < count, let last = units.last, UTF16.isTrailSurrogate(last) { units.removeLast() }
    if index > 0, let last = word(row, index - 1, choice: choice).utf16.last, UTF16.isTrailSurrogate(last) {
      units.insert(last, at: 0)
    }
    return units
  }

  private func word(_ row: Row, _ index: Int, choice: Int) -> String {
    Self.word(row, index + choice * Self.choiceStep, voice, style)
  }

  /// The text of token `index` of a row, whole.
  static func word(_ row: Row, _ index: Int, _ voice: Voice, _ style: Script.Text) -> String {
    switch style {
    case .mixed, .mixedEscaped:
      // The rows begin at different places, so that a token that went into the wrong one shows.
      let third = MixedText.pieces.count / 3
      let start =
        switch row {
        case .content: 0;
        case .reasoning: third;
        case .refusal: 2 * third
        }
      return MixedText.piece(start + index)
    case .plain: return plain(row, index, voice)
    case .emoji, .escaped: return plain(row, index, voice) + emoji[index % emoji.count]
    case .big(let count):
      let number = bigNumber(index)
      return number + String(repeating: "x", count: max(0, count - number.utf8.count))
    }
  }

  private static func plain(_ row: Row, _ index: Int, _ voice: Voice) -> String {
    switch row {
    case .content: voice.content(index)
    case .reasoning: voice.reasoning(index)
    case .refusal: voice.refusal(index)
    }
  }

  private static func bigNumber(_ token: Int) -> String { " [\(token)] " }
}
