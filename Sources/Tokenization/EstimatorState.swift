/// The run estimator as a machine that reads bytes: what it must remember of the text so far.
///
/// A scalar's kind is known at its first byte where that is enough, else at the byte that tells. So nothing is kept but the
/// state, and how the text is cut cannot matter. The machine is run from a table (`EstimatorMachine`), made from this type,
/// which may therefore be as plain as it likes.
struct EstimatorState: Hashable {
  enum Run: UInt8 {
    case start, space, newline, word, digits, signs, ideographs, hiragana, katakana, cyrillic, alphabet, hangul, script
    case wideSigns, symbols, emoji
  }

  private var run = Run.start
  /// Letters, digits of a group, signs, spaces: counted as far as it matters.
  private var length = 0
  /// Space: at a line's start. Word: the last letter is a capital. Signs, line end: a word stands in front.
  private var flag = false
  /// Word or digits: letters and digits stand together.
  private var isMixed = false
  /// Word: it has an accented letter.
  private var isAccented = false
  /// Word: consonants in a row.
  private var consonants = 0
  /// The last sign.
  private var sign: UInt8 = 0
  /// Continuation bytes that are still to come, and, where those tell the kind, what has been read of the scalar, at most two.
  private var missing = 0
  private var lead: UInt16 = 0

  /// The state at a text's start.
  init() {}

  /// Reads a byte, and tells what happened.
  mutating func read(_ byte: UInt8) -> EstimatorEvents {
    if byte & 0xC0 == 0x80 { return continuation(byte) }
    // A scalar that does not go on as it must.
    let broken: EstimatorEvents = missing > 0 ? [.stray] : []
    missing = 0
    lead = 0
    return broken + whole(byte)
  }

  private mutating func whole(_ byte: UInt8) -> EstimatorEvents {
    switch byte {
    case 0x41...0x5A, 0x61...0x7A: letter(byte)
    case 0x30...0x39: digit()
    case 0x0A, 0x0D: newline()
    case 0..<0x21: space(byte)
    case 0..<0x80: sign(byte)
    default: long(byte)
    }
  }

  /// A byte that every state treats like `byte`: to make the table, only those need be tried.
  static func representative(_ byte: UInt8) -> UInt8 {
    switch byte {
    case 0x41...0x5A:
      return isRare(byte) || isVowel(byte) ? representative(byte | 0x20) & ~0x20 : 0x42
    case 0x61...0x7A:
      if byte == 0x79 { return byte }
      return isVowel(byte) ? 0x61 : isRare(byte) ? 0x6A : 0x62
    case 0x30...0x39: return 0x30
    case 0x09: return byte
    case 0x0A, 0x0D: return 0x0A
    case 0..<0x21: return 0x20
    case 0..<0x80: return byte
    default:
      // Bytes beyond ASCII differ where a comparison in this file says so.
      let starts: [UInt8] = [
        0x80, 0x81, 0x82, 0x83, 0x84, 0x87, 0x88, 0x8D, 0x8E, 0x90, 0x94, 0x98, 0x9A, 0x9F, 0xA0, 0xB0, 0xB8, 0xB9,
        0xBC,
        0xBE, 0xC0, 0xC2, 0xC3, 0xCB, 0xCE, 0xD0, 0xD1, 0xD4, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8,
        0xE9,
        0xEA, 0xEE, 0xEF, 0xF0, 0xF1, 0xF5,
      ]
      return starts.last { $0 <= byte } ?? byte
    }
  }

  private static func isVowel(_ byte: UInt8) -> Bool { vowels.contains(byte | 0x20) }
  private static func isRare(_ byte: UInt8) -> Bool { rareLetters.contains(byte | 0x20) }

  // MARK: ASCII

  private mutating func begin(_ run: Run, length: Int = 1) {
    self = EstimatorState()
    self.run = run
    self.length = length
  }

  /// What the run in front makes a word cost.
  private var wordLead: EstimatorEvents {
    switch run {
    case .start, .space, .word: []
    case .newline: [.wordAfterNewline]
    case .signs: [length > 1 ? .wordAfterSigns : .wordAfterSign]
    case .digits: isMixed ? [.wordAfterDigit, .mixedTurn] : [.wordAfterDigit]
    default: [.wordAfterScript]
    }
  }

  private mutating func letter(_ byte: UInt8) -> EstimatorEvents {
    let isCapital = byte < 0x61
    let small = byte | 0x20
    var events: EstimatorEvents = []
    if run == .word {
      if isCapital { events.append(flag ? .capital : .caseTurn) }
      if isMixed { events.append(.mixedLetter) }
      if isAccented { events.append(.letterAfterAccent) }
      length = min(length + 1, isMixed || isAccented ? 9 : 14)
    } else {
      events = wordLead
      let isMixed = run == .digits
      begin(.word)
      self.isMixed = isMixed
      if isCapital { events.append(.capitalised) }
    }
    flag = isCapital
    consonants = isMixed || isCapital || Self.vowels.contains(small) ? 0 : min(consonants + 1, 3)
    if consonants == 3 { events.append(.consonantRun) }
    if Self.rareLetters.contains(small) { events.append(.rareLetter) }
    switch length {
    case 1...10: events.append(Self.letters[length - 1])
    case 11, 13: break
    case 12: events.append(.letter12)
    default: events.append(.letterBeyond)
    }
    return events
  }

  private static let vowels = Set("aeiouy".utf8)
  private static let rareLetters = Set("jkqvwxyz".utf8)
  private static let letters: [EstimatorEvent] = [
    .letter1, .letter2, .letter3, .letter4, .letter5, .letter6, .letter7, .letter8, .letter9, .letter10,
  ]

  private mutating func digit() -> EstimatorEvents {
    if run == .digits {
      length = length % 3 + 1
      return [[.digit1, .digit2, .digit3][length - 1]] + (length == 1 ? [.digitGroup] : [])
    }
    let isMixed = run == .word
    var events: EstimatorEvents = [.digit1]
    if isMixed { events.append(.mixedTurn) }
    if run == .space, length == 1 || !flag { events.append(.spaceDigit) }
    begin(.digits)
    self.isMixed = isMixed
    return events
  }

  private mutating func newline() -> EstimatorEvents {
    if run == .newline {
      length = min(length + 1, 3)
      return [length == 2 ? .newline2 : .newlineBeyond]
    }
    let isAfterSign = run == .signs
    begin(.newline)
    return [isAfterSign ? .newlineAfterSign : .newline]
  }

  private mutating func space(_ byte: UInt8) -> EstimatorEvents {
    guard run == .space else {
      let isLineStart = run == .newline || run == .start
      begin(.space)
      flag = isLineStart
      return isLineStart && byte == 0x09 ? [.tab] : []
    }
    length = min(length + 1, 17)
    if !flag {
      length = min(length, 3)
      return [length == 2 ? .spaceRun : .spaceRunBeyond]
    }
    if byte == 0x09 { return [.tab] }
    switch length {
    case 2: return [.indentation2]
    case 4: return [.indentation4]
    case 8: return [.indentation8]
    case 16: return [.indentation16]
    case 17: return [.indentationBeyond]
    default: return []
    }
  }

  private mutating func sign(_ byte: UInt8) -> EstimatorEvents {
    let kind = Self.kind(byte)
    if run == .signs {
      let isRepeated = sign == byte
      let wasSecond = length == 1
      length = min(length + 1, 3)
      sign = byte
      if isRepeated { return [.repeatedSign] }
      guard wasSecond else { return [.furtherSign] }
      switch kind {
      case .closing, .closingBracket: return [.secondClosing]
      case .quote, .apostrophe, .backtick: return [.secondQuote]
      case .comma, .stop, .colon: return [.secondComma]
      case .backslash: return [.secondBackslash]
      default: return [.secondSign]
      }
    }
    var events: EstimatorEvents = [kind]
    if run == .space { events.append(.spaceSign) }
    if run == .word || run == .digits { events.append(.signAfterWord) }
    begin(.signs)
    sign = byte
    return events
  }

  private static func kind(_ byte: UInt8) -> EstimatorEvent {
    switch UnicodeScalar(byte) {
    case ".": .stop
    case ",": .comma
    case ":", ";": .colon
    case "\"": .quote
    case "'": .apostrophe
    case "(": .opening
    case ")": .closing
    case "[", "{": .bracket
    case "]", "}": .closingBracket
    case "<", ">": .angle
    case "-": .hyphen
    case "_": .underscore
    case "/": .slash
    case "\\": .backslash
    case "#": .hash
    case "*": .star
    case "=": .equals
    case "|": .pipe
    case "`": .backtick
    case "$": .dollar
    default: .otherSign
    }
  }

  // MARK: Beyond ASCII

  private mutating func long(_ byte: UInt8) -> EstimatorEvents {
    let spaced: EstimatorEvents = run == .space ? [.spaceScript] : []
    switch byte {
    case 0xC2: return mark(.latinSign, 1, spaced)
    case 0xC3...0xCA: return accent(1)
    case 0xCB...0xCD: return run == .word ? accent(1) : mark(.latinSign, 1, spaced)
    case 0xD0...0xD3: return cyrillic(byte)
    case 0xCE...0xDF:
      let events: EstimatorEvents = run == .alphabet ? [.alphabetLetter] : [.alphabetWord, .alphabetLetter]
      begin(.alphabet)
      missing = 1
      return events
    case 0xE1 where run == .word: return accent(2)
    case 0xE0, 0xE1:
      begin(.script)
      missing = 2
      return spaced + [.scriptScalar]
    case 0xE4...0xE9: return ideograph(byte, spaced)
    case 0xEA...0xED:
      let isFurther = run == .hangul
      begin(.hangul)
      missing = 2
      return [isFurther ? .hangul2 : .hangul1]
    case 0xEE: return mark(.rareScalar, 2, spaced)
    // What these are, the next bytes tell.
    case 0xE2, 0xE3, 0xEF, 0xF0:
      missing = byte == 0xF0 ? 3 : 2
      lead = UInt16(byte)
      return reduceContext(spaced)
    case 0xF1...0xF4: return mark(.rareScalar, 3, spaced)
    default:
      begin(.symbols)
      return [.stray]
    }
  }

  /// While a scalar's kind is open, no more is kept of what is in front than the kinds ask for.
  private mutating func reduceContext(_ events: EstimatorEvents) -> EstimatorEvents {
    let (missing, lead, run, length) = (missing, lead, run, length)
    switch run {
    case .ideographs, .hiragana, .katakana, .wideSigns, .symbols, .emoji: begin(run, length: length)
    default: begin(.script, length: 0)
    }
    self.missing = missing
    self.lead = lead
    return events
  }

  private mutating func mark(_ event: EstimatorEvent, _ missing: Int, _ spaced: EstimatorEvents) -> EstimatorEvents {
    let isFurther = run == .symbols
    begin(.symbols)
    self.missing = missing
    return spaced + [event] + (isFurther ? [.repeatedSymbol] : [])
  }

  private mutating func accent(_ missing: Int) -> EstimatorEvents {
    var events: EstimatorEvents = []
    if run == .word {
      length = min(length + 1, 9)
    } else {
      events = wordLead
      begin(.word)
    }
    (isMixed, flag, consonants, isAccented) = (false, false, 0, true)
    self.missing = missing
    return events + [.accented] + (length <= 9 ? [Self.letters[length - 1]] : [])
  }

  private mutating func cyrillic(_ byte: UInt8) -> EstimatorEvents {
    if run == .cyrillic { length = min(length + 1, 13) } else { begin(.cyrillic) }
    missing = 1
    if byte == 0xD0 { lead = UInt16(byte) }
    switch length {
    case 1: return [.cyrillic1]
    case 2: return [.cyrillic2]
    case 3: return [.cyrillic3]
    case 5: return [.cyrillic5]
    case 7: return [.cyrillic7]
    case 9: return [.cyrillic9]
    case 12: return [.cyrillic12]
    case 13: return [.cyrillicBeyond]
    default: return []
    }
  }

  private mutating func ideograph(_ byte: UInt8, _ spaced: EstimatorEvents) -> EstimatorEvents {
    let kinds: [EstimatorEvent] = [
      .ideographE4, .ideographE5, .ideographE6, .ideographE7, .ideographE8, .ideographE9,
    ]
    var events = spaced + [kinds[Int(byte) - 0xE4]]
    if run == .hiragana || run == .katakana { events.append(.ideographAfterKana) }
    begin(.ideographs, length: run == .ideographs ? min(length + 1, 5) : 1)
    missing = 2
    if length < 5 { events.append([.ideograph1, .ideograph2, .ideograph3, .ideograph4][length - 1]) }
    return events
  }

  private mutating func continuation(_ byte: UInt8) -> EstimatorEvents {
    guard missing > 0 else {
      begin(.symbols)
      return [.stray]
    }
    missing -= 1
    switch lead {
    case 0: return []
    case 0xD0:
      lead = 0
      let wasCapital = flag
      flag = byte >= 0x90 && byte < 0xB0
      return flag && wasCapital ? [.cyrillicCapital] : []
    case 0xE2:
      if byte == 0x80 { return keep(byte) }
      return known(byte >= 0x94 && byte <= 0x97 ? .boxSign : .symbol, .symbols)
    case 0xE280: return byte == 0x8D ? joiner() : known(.dash, .symbols)
    case 0xE3:
      switch byte {
      case 0x80: return known(.wideSign, .wideSigns)
      case 0x81: return known(.hiragana1, .hiragana)
      case 0x82: return keep(byte)
      case 0x83: return known(.katakana1, .katakana)
      default: return known(.scriptScalar, .script)
      }
    case 0xE382: return byte < 0xA0 ? known(.hiragana1, .hiragana) : known(.katakana1, .katakana)
    case 0xEF:
      switch byte {
      case 0xBC, 0xBD: return known(.wideSign, .wideSigns)
      case 0xB8: return joiner()
      default: return known(.symbol, .symbols)
      }
    case 0xF0: return byte == 0x9F ? keep(byte) : known(.rareScalar, .symbols)
    case 0xF09F:
      switch byte {
      case 0x87: return known(.flag, .emoji)
      case 0x98, 0x99: return known(.face, .emoji)
      default: return known(.emoji, .emoji)
      }
    default:
      lead = 0
      return []
    }
  }

  private mutating func keep(_ byte: UInt8) -> EstimatorEvents {
    lead = lead << 8 | UInt16(byte)
    return []
  }

  private mutating func joiner() -> EstimatorEvents {
    lead = 0
    return [.joiner]
  }

  /// The scalar's kind is known: `first` if it starts a run.
  private mutating func known(_ first: EstimatorEvent, _ kind: Run) -> EstimatorEvents {
    let missing = missing
    let isFurther = run == kind
    begin(kind, length: isFurther ? min(length + 1, 4) : 1)
    self.missing = missing
    switch kind {
    case .hiragana: return [[.hiragana1, .hiragana2, .hiragana3, .hiragana3][length - 1]]
    case .katakana: return [[.katakana1, .katakana2, .katakana3, .katakana4][length - 1]]
    case .wideSigns:
      length = 1
      return [isFurther ? .wideSignFurther : .wideSign]
    case .symbols:
      length = 1
      return isFurther ? [first, .repeatedSymbol] : [first]
    default:
      length = 1
      return [first]
    }
  }
}
