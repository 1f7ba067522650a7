/// The patterns of o200k and tekken, with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and W = [\p{Ll}\p{Lm}\p{Lo}\p{M}]:
///
///     [^\r\n\p{L}\p{N}]?U*W+(?i:'s|'t|'re|'ve|'m|'ll|'d)? | [^\r\n\p{L}\p{N}]?U+W*(?i:...)? | \p{N}{1,3}
///     |  ?[^\s\p{L}\p{N}]+[\r\n/]* | \s*[\r\n]+ | \s+(?!\S) | \s+
///
/// U and W share the letters without case and the marks. So a run of U with no lowercase letter behind it gives back
/// scalars until one of those stands at its end: the first alternative then matches up to there. Only a run with none
/// of them falls to the second alternative. Hence one mark: the end of the last scalar of U that W has as well.
extension PieceScanner {
  @inline(__always)
  mutating func nextCased(_ base: UnsafePointer<UInt8>, _ count: Int, digitsMax: UInt8, hasContractions: Bool) -> Int {
    let reader = ScalarReader()
    var position = Int(self.position)
    var phase = self.phase
    while true {
      switch phase {
      case .lowerHalf:
        guard reader.skip(.lowerHalf, base, &position, count) else { return pause(.lowerHalf, position) }
        guard hasContractions, base[position] == 0x27 else { return position }
        mark = Int32(truncatingIfNeeded: position)
        phase = .contraction

      case .upperHalf:
        let next = reader.read(base, position, count)
        guard next.width > 0 else { return pause(.upperHalf, position) }
        switch next.scalarClass {
        case UnicodeClass.upper: position &+= next.width
        case UnicodeClass.letter, UnicodeClass.mark:
          position &+= next.width
          mark = Int32(truncatingIfNeeded: position)
        case UnicodeClass.lower:
          position &+= next.width
          phase = .lowerHalf
        default:
          if mark > 0, Int(mark) < position { return Int(mark) }
          guard hasContractions, base[position] == 0x27 else { return position }
          mark = Int32(truncatingIfNeeded: position)
          phase = .contraction
        }

      case .contraction:
        let wordEnd = Int(mark)
        switch contraction(base, wordEnd, count) {
        case .ends(let end): return end
        case .undecided: return pause(.contraction, wordEnd)
        case .none: return wordEnd
        }

      case .fresh:
        let first = reader.read(base, position, count)
        guard first.width > 0 else { return pause(.fresh, position) }
        switch first.scalarClass {
        case UnicodeClass.upper, UnicodeClass.lower, UnicodeClass.letter, UnicodeClass.mark:
          // A mark may lead a word as well as belong to it; both readings end at the same place.
          phase = .upperHalf
          continue
        case UnicodeClass.space: phase = .spaceLead
        case UnicodeClass.number:
          if digitsMax == 1 { return first.width }
          digits = 1
          phase = .digits
        case UnicodeClass.newline:
          mark = Int32(truncatingIfNeeded: first.width)
          phase = .spaces
        default: phase = .signLead
        }
        position &+= first.width

      case .spaceLead, .signLead:
        switch afterLead(phase, reader, base, position, count, .lettersAndMarks, word: .upperHalf) {
        case .becomes(let next): phase = next
        case .ends: return position
        case .undecided: return pause(phase, position)
        }

      case .digits: return digitGroup(reader, base, position, count, max: digitsMax)

      case .signs:
        guard reader.skip(.signsOthersAndMarks, base, &position, count) else { return pause(.signs, position) }
        phase = .signsEnd

      case .signsEnd:
        while position < count, base[position] == 0x0A || base[position] == 0x0D || base[position] == 0x2F {
          position &+= 1
        }
        return position < count ? position : pause(.signsEnd, position)

      default:  // .spaces; the other phases belong to other patterns.
        return spaces(reader, base, position, count, endsText: ClassSet())
      }
    }
  }
}
