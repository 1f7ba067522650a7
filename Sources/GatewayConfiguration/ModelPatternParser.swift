/// The parts of a pattern.
indirect enum ModelPatternPart {
  case one(ScalarSet)
  case atStart
  case atEnd
  case sequence([ModelPatternPart])
  case alternatives([ModelPatternPart])
  case repeated(ModelPatternPart, min: Int, max: Int?)
}

/// Reads a pattern's text by recursive descent.
struct ModelPatternParser {
  /// Groups inside each other.
  private static let depthMax = 32
  /// The count of `{m,n}`.
  private static let repeatMax = 256

  private var rest: ArraySlice<Unicode.Scalar>
  private var ignoresCase = false

  init(_ text: String) { rest = Array(text.unicodeScalars)[...] }

  mutating func parse() throws(ModelPattern.Problem) -> ModelPatternPart {
    if rest.starts(with: "(?i)".unicodeScalars) {
      ignoresCase = true
      rest = rest.dropFirst(4)
    }
    let part = try alternatives(depth: 0)
    guard rest.isEmpty else { throw problem("`)` without `(`") }
    return part
  }

  private mutating func alternatives(depth: Int) throws(ModelPattern.Problem) -> ModelPatternPart {
    guard depth <= Self.depthMax else { throw problem("groups nested more than \(Self.depthMax) deep") }
    var choices = [try sequence(depth: depth)]
    while take("|") { choices.append(try sequence(depth: depth)) }
    return choices.count == 1 ? choices[0] : .alternatives(choices)
  }

  private mutating func sequence(depth: Int) throws(ModelPattern.Problem) -> ModelPatternPart {
    var parts: [ModelPatternPart] = []
    while let next = rest.first, next != "|", next != ")" {
      parts.append(try repetition(of: try atom(depth: depth)))
    }
    return .sequence(parts)
  }

  private mutating func atom(depth: Int) throws(ModelPattern.Problem) -> ModelPatternPart {
    guard let next = rest.popFirst() else { throw problem("it ends too soon") }
    switch next {
    case ".": return .one(.any)
    case "^": return .atStart
    case "$": return .atEnd
    case "[": return .one(try characterClass())
    case "(":
      if take("?") {
        guard take(":") else { throw problem("only `(…)` and `(?:…)` are known, no look-ahead or names") }
      }
      let part = try alternatives(depth: depth + 1)
      guard take(")") else { throw problem("`(` without `)`") }
      return part
    case "*", "+", "?": throw problem("`\(next)` with nothing before it to repeat")
    case "\\": return .one(folded(try escape()))
    default: return .one(folded(ScalarSet(ranges: [next.value...next.value])))
    }
  }

  private mutating func repetition(of part: ModelPatternPart) throws(ModelPattern.Problem) -> ModelPatternPart {
    let repeated: ModelPatternPart
    if take("*") {
      repeated = .repeated(part, min: 0, max: nil)
    } else if take("+") {
      repeated = .repeated(part, min: 1, max: nil)
    } else if take("?") {
      repeated = .repeated(part, min: 0, max: 1)
    } else if take("{") {
      let low = try number()
      var high: Int? = low
      if take(",") { high = rest.first == "}" ? nil : try number() }
      guard take("}"), low <= high ?? low else {
        throw problem("`{` is not followed by {m}, {m,} or {m,n}; write \\{ for a brace")
      }
      repeated = .repeated(part, min: low, max: high)
    } else {
      return part
    }
    // Reluctance changes which match is found first, not whether there is one.
    _ = take("?")
    if let next = rest.first, "*+?{".unicodeScalars.contains(next) { throw problem("two repetitions in a row") }
    return repeated
  }

  private mutating func number() throws(ModelPattern.Problem) -> Int {
    let digits = rest.prefix { ScalarSet.digits[0].contains($0.value) }
    rest = rest.dropFirst(digits.count)
    guard let number = Int(String(String.UnicodeScalarView(digits))), number <= Self.repeatMax else {
      throw problem("a count in `{…}` that is none or more than \(Self.repeatMax)")
    }
    return number
  }

  private mutating func characterClass() throws(ModelPattern.Problem) -> ScalarSet {
    var set = ScalarSet(ranges: [], isNegated: take("^"))
    var isFirst = true
    while let next = rest.popFirst() {
      if next == "]", !isFirst { return folded(set) }
      isFirst = false
      var low = ScalarSet(ranges: [next.value...next.value])
      if next == "\\" { low = try escape() }
      if low.ranges.count == 1, low.ranges[0].count == 1, rest.first == "-",
        rest.dropFirst().first.map({ $0 != "]" }) == true
      {
        rest.removeFirst()
        guard let end = rest.popFirst() else { break }
        let high = end == "\\" ? try escape() : ScalarSet(ranges: [end.value...end.value])
        let start = low.ranges[0].lowerBound
        guard high.ranges.count == 1, high.ranges[0].count == 1, high.ranges[0].lowerBound >= start else {
          throw problem("a range in `[…]` that runs backwards")
        }
        low = ScalarSet(ranges: [start...high.ranges[0].upperBound])
      }
      set.ranges += low.ranges
    }
    throw problem("`[` without `]`")
  }

  private mutating func escape() throws(ModelPattern.Problem) -> ScalarSet {
    guard let next = rest.popFirst() else { throw problem("a backslash at the end") }
    switch next {
    case "d": return ScalarSet(ranges: ScalarSet.digits)
    case "D": return ScalarSet(ranges: ScalarSet.complement(ScalarSet.digits))
    case "w": return ScalarSet(ranges: ScalarSet.words)
    case "W": return ScalarSet(ranges: ScalarSet.complement(ScalarSet.words))
    case "s": return ScalarSet(ranges: ScalarSet.spaces)
    case "S": return ScalarSet(ranges: ScalarSet.complement(ScalarSet.spaces))
    default:
      guard !next.isASCII || !ASCII.isLetterOrDigit(UInt8(truncatingIfNeeded: next.value)) else {
        throw problem("`\\\(next)` is not known")
      }
      return ScalarSet(ranges: [next.value...next.value])
    }
  }

  private func folded(_ set: ScalarSet) -> ScalarSet { ignoresCase ? set.ignoringCase() : set }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard rest.first == scalar else { return false }
    rest.removeFirst()
    return true
  }

  private func problem(_ words: String) -> ModelPattern.Problem { ModelPattern.Problem(words: words) }
}

/// Writes the parts out as steps.
struct ModelPatternCompiler {
  private(set) var steps: [ModelPattern.Step] = []

  mutating func add(_ part: ModelPatternPart) throws(ModelPattern.Problem) {
    switch part {
    case .one(let set): try append(.one(set))
    case .atStart: try append(.atStart)
    case .atEnd: try append(.atEnd)
    case .sequence(let parts): for part in parts { try add(part) }
    case .alternatives(let choices): try add(alternatives: choices)
    case .repeated(let part, let min, let max):
      for _ in 0..<min { try add(part) }
      if let max { try add(part, optional: max - min) } else { try addLoop(part) }
    }
  }

  private mutating func add(alternatives choices: [ModelPatternPart]) throws(ModelPattern.Problem) {
    var ends: [Int] = []
    for choice in choices.dropLast() {
      let split = steps.count
      try append(.accept)
      try add(choice)
      ends.append(steps.count)
      try append(.accept)
      steps[split] = .split(split + 1, steps.count)
    }
    if let last = choices.last { try add(last) }
    for end in ends { steps[end] = .jump(steps.count) }
  }

  private mutating func add(_ part: ModelPatternPart, optional count: Int) throws(ModelPattern.Problem) {
    var splits: [Int] = []
    for _ in 0..<count {
      splits.append(steps.count)
      try append(.accept)
      try add(part)
    }
    for split in splits { steps[split] = .split(split + 1, steps.count) }
  }

  private mutating func addLoop(_ part: ModelPatternPart) throws(ModelPattern.Problem) {
    let split = steps.count
    try append(.accept)
    try add(part)
    try append(.jump(split))
    steps[split] = .split(split + 1, steps.count)
  }

  private mutating func append(_ step: ModelPattern.Step) throws(ModelPattern.Problem) {
    guard steps.count < ModelPattern.stepsMax else {
      throw ModelPattern.Problem(words: "it is too long once its counts are written out")
    }
    steps.append(step)
  }
}
