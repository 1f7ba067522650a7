/// DeepSeek's three splits in sequence:
///
/// 1. `\p{N}{1,3}`
/// 2. `[U+4E00-U+9FA5 U+3040-U+30FF]+`
/// 3. `[ASCII sign][A-Za-z]+ | [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+ |  ?[\p{P}\p{S}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+`
///
/// What the first two take ends the text for the third: white space before a digit or an ideograph is one piece. What
/// the third does not match (control and format characters) stays together as a piece, but its last scalar leads the
/// word that follows.
extension PieceScanner {
  private static let segmentEnds = ClassSet(UnicodeClass.number, UnicodeClass.isolated)

  @inline(__always)
  mutating func nextDeepSeek(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int {
    let reader = ScalarReader(isolatesScripts: true)
    var position = Int(self.position)
    var phase = self.phase
    while true {
      switch phase {
      case .word:
        return reader.skip(.lettersAndMarks, base, &position, count) ? position : pause(.word, position)

      case .isolated:
        return reader.skip(.isolated, base, &position, count) ? position : pause(.isolated, position)

      case .asciiWord:
        while position < count, base[position] | 0x20 &- 0x61 < 26 { position &+= 1 }
        return position < count ? position : pause(.asciiWord, position)

      case .fresh:
        let first = reader.read(base, position, count)
        guard first.width > 0 else { return pause(.fresh, position) }
        position &+= first.width
        switch first.scalarClass {
        case UnicodeClass.upper, UnicodeClass.lower, UnicodeClass.letter, UnicodeClass.mark: phase = .word
        case UnicodeClass.isolated: phase = .isolated
        case UnicodeClass.space: phase = .spaceLead
        case UnicodeClass.newline:
          mark = Int32(truncatingIfNeeded: position)
          phase = .spaces
        case UnicodeClass.number:
          digits = 1
          phase = .digits
        case UnicodeClass.sign: phase = base[0] < 0x80 ? .signLead : .signs
        default: phase = .gap
        }

      case .spaceLead:
        let next = reader.read(base, position, count)
        guard next.width > 0 else { return pause(.spaceLead, position) }
        switch next.scalarClass {
        case UnicodeClass.upper, UnicodeClass.lower, UnicodeClass.letter, UnicodeClass.mark: phase = .word
        case UnicodeClass.space, UnicodeClass.newline: phase = .spaces
        case UnicodeClass.sign where base[0] == 0x20: phase = .signs
        default: return position
        }

      case .signLead:
        guard position < count else { return pause(.signLead, position) }
        phase = base[position] | 0x20 &- 0x61 < 26 ? .asciiWord : .signs

      case .digits: return digitGroup(reader, base, position, count, max: 3)

      case .signs:
        guard reader.skip(.signs, base, &position, count) else { return pause(.signs, position) }
        phase = .signsEnd

      case .signsEnd:
        return reader.skip(.newlines, base, &position, count) ? position : pause(.signsEnd, position)

      case .gap:
        let next = reader.read(base, position, count)
        guard next.width > 0 else { return pause(.gap, position) }
        if next.scalarClass == UnicodeClass.other {
          lastStart = Int32(truncatingIfNeeded: position)
          position &+= next.width
        } else if ClassSet.lettersAndMarks.contains(next.scalarClass) {
          if lastStart > 0 { return Int(lastStart) }
          phase = .word
        } else {
          return position
        }

      default:  // .spaces; the other phases belong to other patterns.
        return spaces(reader, base, position, count, endsText: Self.segmentEnds)
      }
    }
  }
}
