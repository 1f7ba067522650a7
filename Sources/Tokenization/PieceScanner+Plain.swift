/// The patterns of cl100k, Llama 3 and Qwen:
///
///     (?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N}{1,3} |  ?[^\s\p{L}\p{N}]+[\r\n]*
///     | \s*[\r\n]+ | \s+(?!\S) | \s+
extension PieceScanner {
  @inline(__always)
  mutating func nextPlain(_ base: UnsafePointer<UInt8>, _ count: Int, digitsMax: UInt8) -> Int {
    let reader = ScalarReader()
    var position = Int(self.position)
    var phase = self.phase
    while true {
      switch phase {
      case .word:
        return reader.skip(.letters, base, &position, count) ? position : pause(.word, position)

      case .fresh:
        let first = reader.read(base, position, count)
        guard first.width > 0 else { return pause(.fresh, position) }
        position &+= first.width
        switch first.scalarClass {
        case UnicodeClass.upper, UnicodeClass.lower, UnicodeClass.letter: phase = .word
        case UnicodeClass.space: phase = .spaceLead
        case UnicodeClass.number:
          if digitsMax == 1 { return position }
          digits = 1
          phase = .digits
        case UnicodeClass.newline:
          mark = Int32(truncatingIfNeeded: position)
          phase = .spaces
        default: phase = base[0] == 0x27 ? .apostrophe : .signLead
        }

      case .spaceLead, .signLead:
        switch afterLead(phase, reader, base, position, count, .letters, word: .word) {
        case .becomes(let next): phase = next
        case .ends: return position
        case .undecided: return pause(phase, position)
        }

      case .apostrophe:
        switch contraction(base, 0, count) {
        case .ends(let end): return end
        case .undecided: return pause(.apostrophe, position)
        case .none: phase = .signLead
        }

      case .digits: return digitGroup(reader, base, position, count, max: digitsMax)

      case .signs:
        guard reader.skip(.signsOthersAndMarks, base, &position, count) else { return pause(.signs, position) }
        phase = .signsEnd

      case .signsEnd:
        return reader.skip(.newlines, base, &position, count) ? position : pause(.signsEnd, position)

      default:  // .spaces; the other phases belong to other patterns.
        return spaces(reader, base, position, count, endsText: ClassSet())
      }
    }
  }
}
