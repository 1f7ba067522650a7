/// Finds the pieces of a growing text: the streaming form of the patterns in `PreTokeniser`.
///
/// The patterns are regular expressions with a little backtracking and look-ahead. Read as machines they need one or two
/// marks beside the state, so a piece is scanned once, however the text is cut, and nothing but the open piece is kept.
/// A piece is closed when no text that may follow can move its end.
///
/// All positions count from the open piece's first byte, so the buffer around it may move.
struct PieceScanner: Sendable {
  /// What the open piece is so far.
  enum Phase: UInt8, Sendable {
    case fresh
    /// A run of letters, or of letters and marks.
    case word
    /// Before the first lowercase letter of a word that is split by case. `mark`: the end of the last letter without case.
    case upperHalf
    /// From the first lowercase letter on.
    case lowerHalf
    /// After a word: an apostrophe that may start a contraction. `mark`: the word's end.
    case contraction
    /// An apostrophe at the piece's start, which may be a contraction of its own.
    case apostrophe
    case digits
    /// One sign that may lead a word.
    case signLead
    /// One space that may lead a word or signs.
    case spaceLead
    case signs
    /// Line ends after signs.
    case signsEnd
    /// White space. `mark`: the end of its last line end; `lastStart`: the start of its last scalar.
    case spaces
    /// DeepSeek: ideographs and kana.
    case isolated
    /// DeepSeek: ASCII letters after one ASCII sign.
    case asciiWord
    /// DeepSeek: scalars that no alternative matches. `lastStart`: the start of the last one.
    case gap
  }

  var phase = Phase.fresh
  var digits: UInt8 = 0
  /// Scanned up to here.
  var position: Int32 = 0
  var mark: Int32 = 0
  var lastStart: Int32 = 0

  /// The length of the piece at `base` once it is closed, and starts afresh behind it; 0 while it is open.
  ///
  /// - Parameters:
  ///   - base: the open piece's first byte.
  ///   - count: how many bytes of it and of what follows are known.
  @inline(__always)
  mutating func next(_ kind: PreTokeniser, _ base: UnsafePointer<UInt8>, _ count: Int) -> Int {
    let length =
      switch kind {
      case .cl100k, .llama3: nextPlain(base, count, digitsMax: 3)
      case .qwen: nextPlain(base, count, digitsMax: 1)
      case .deepseek: nextDeepSeek(base, count)
      case .o200k: nextCased(base, count, digitsMax: 3, hasContractions: true)
      case .tekken: nextCased(base, count, digitsMax: 1, hasContractions: false)
      }
    if length > 0 { self = PieceScanner() }
    return length
  }

  /// The length of the piece if the text ends at `count`, after `next` found it open, and starts afresh behind it.
  mutating func end(_ kind: PreTokeniser, _ count: Int) -> Int {
    defer { self = PieceScanner() }
    let isMarked = mark > 0 && Int(mark) < count
    switch phase {
    case .spaces where kind != .cl100k, .upperHalf, .contraction: return isMarked ? Int(mark) : count
    default: return count
    }
  }

  /// Forgets the first `length` bytes of an open piece, which have been counted.
  mutating func cut(_ length: Int) {
    let length = Int32(truncatingIfNeeded: length)
    position = max(0, position &- length)
    mark = max(0, mark &- length)
    lastStart = max(0, lastStart &- length)
  }

  /// Keeps the place; the piece is open.
  @inline(__always)
  mutating func pause(_ phase: Phase, _ position: Int) -> Int {
    self.phase = phase
    self.position = Int32(truncatingIfNeeded: position)
    return 0
  }

  // MARK: What the patterns share

  /// What an apostrophe at `start` begins.
  enum Contraction {
    /// It ends at the offset.
    case ends(Int)
    case none
    case undecided
  }

  /// `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll`, `'d` in any case, U+017F (long s) among them, as `(?i)` has it.
  @inline(__always)
  func contraction(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Contraction {
    guard start &+ 1 < count else { return .undecided }
    switch base[start &+ 1] | 0x20 {
    case 0x73, 0x64, 0x6D, 0x74: return .ends(start &+ 2)
    case 0x6C: return pair(0x6C, base, start, count)
    case 0x76, 0x72: return pair(0x65, base, start, count)
    case 0xE5:  // 0xC5 | 0x20
      guard base[start &+ 1] == 0xC5 else { return .none }
      guard start &+ 2 < count else { return .undecided }
      return base[start &+ 2] == 0xBF ? .ends(start &+ 3) : .none
    default: return .none
    }
  }

  @inline(__always)
  private func pair(_ second: UInt8, _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Contraction {
    guard start &+ 2 < count else { return .undecided }
    return base[start &+ 2] | 0x20 == second ? .ends(start &+ 3) : .none
  }

  /// What the scalar behind a space or a sign makes of the piece.
  enum Lead {
    case becomes(Phase)
    /// The piece is the lead alone.
    case ends
    case undecided
  }

  /// Behind one space (`phase` is `.spaceLead`) or one sign that may lead a word of `letters`:
  /// `[^\r\n\p{L}\p{N}]?\p{L}+` and ` ?[^\s\p{L}\p{N}]+`.
  @inline(__always)
  func afterLead(
    _ phase: Phase, _ reader: ScalarReader, _ base: UnsafePointer<UInt8>, _ position: Int, _ count: Int,
    _ letters: ClassSet, word: Phase
  ) -> Lead {
    let next = reader.read(base, position, count)
    guard next.width > 0 else { return .undecided }
    if letters.contains(next.scalarClass) { return .becomes(word) }
    if next.scalarClass == UnicodeClass.number { return .ends }
    let isSpace = phase == .spaceLead
    if next.scalarClass == UnicodeClass.space { return isSpace ? .becomes(.spaces) : .ends }
    if isSpace, next.scalarClass == UnicodeClass.newline { return .becomes(.spaces) }
    // Signs are led by U+0020 only, not by any white space.
    return isSpace && base[0] != 0x20 ? .ends : .becomes(.signs)
  }

  /// A group of digits, of `max` at most: `\p{N}{1,3}`.
  @inline(__always)
  mutating func digitGroup(
    _ reader: ScalarReader, _ base: UnsafePointer<UInt8>, _ position: Int, _ count: Int, max: UInt8
  ) -> Int {
    var position = position
    while digits < max {
      let next = reader.read(base, position, count)
      guard next.width > 0 else { return pause(.digits, position) }
      guard next.scalarClass == UnicodeClass.number else { return position }
      position &+= next.width
      digits &+= 1
    }
    return position
  }

  /// White space of two scalars and more, or with a line end: `\s*[\r\n]+|\s+(?!\S)|\s+`.
  ///
  /// - Parameter endsText: the classes before which the whole run is taken, as at the end of the text.
  @inline(__always)
  mutating func spaces(
    _ reader: ScalarReader, _ base: UnsafePointer<UInt8>, _ position: Int, _ count: Int, endsText: ClassSet
  ) -> Int {
    var position = position
    while true {
      let scalar = reader.read(base, position, count)
      guard scalar.width > 0 else { return pause(.spaces, position) }
      if scalar.scalarClass == UnicodeClass.space {
        lastStart = Int32(truncatingIfNeeded: position)
        position &+= scalar.width
      } else if scalar.scalarClass == UnicodeClass.newline {
        position &+= 1
        mark = Int32(truncatingIfNeeded: position)
      } else {
        if mark > 0 { return Int(mark) }
        if endsText.contains(scalar.scalarClass) || lastStart == 0 { return position }
        return Int(lastStart)
      }
    }
  }
}
