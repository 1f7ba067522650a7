// How the values of a limit are read that nothing else has: windows, time zones, subjects.

extension ConfigurationValueType where Value == LimitWindowText {
  static var window: Self {
    let words = LimitWindowWord.allCases.map(\.rawValue)
    let expected = "one of \(words.joined(separator: ", ")) or a time"
    let range = LimitSettings.windowRange
    return ConfigurationValueType(kind: .window(words, range)) { node, path, reading in
      guard let text = reading.text(node, path, expected: expected) else { return nil }
      if let word = LimitWindowWord(rawValue: text.text) { return .word(word) }
      guard let duration = UnitText.duration(text.text) else {
        let near = text.usesVariable ? nil : NearestName.nearest(to: text.text, among: words).first
        reading.report(
          node.position, path, "expected \(expected), found \(ConfigurationReading.shown(text))",
          near.map { "Did you mean \($0)?" } ?? "A time has its unit; for example 10m")
        return nil
      }
      guard range.contains(duration) else {
        reading.report(
          node.position, path, "\(UnitText.words(duration)) is out of range",
          "Give \(UnitText.words(range.lowerBound)) to \(UnitText.words(range.upperBound))")
        return nil
      }
      return .duration(duration)
    } show: { window in
      switch window {
      case .word(let word): word.rawValue
      case .duration(let duration): UnitText.words(duration)
      }
    }
  }
}

extension ConfigurationValueType where Value == String {
  /// The name of a time zone. Whether there is one of that name, the caller of the parser knows.
  static var timeZone: Self {
    ConfigurationValueType(kind: .text) { node, path, reading in
      guard let text = reading.text(node, path, expected: "a time zone") else { return nil }
      // The name becomes a file's name where zones are looked up: no dots, nothing empty between slashes.
      let parts = text.text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      guard (1...64).contains(text.text.utf8.count),
        parts.allSatisfy({ part in
          part.first.map(ASCII.isLetterOrDigit) == true
            && part.allSatisfy { ASCII.isLetterOrDigit($0) || "_+-".utf8.contains($0) }
        }), reading.knowsTimeZone(text.text)
      else {
        reading.report(
          node.position, path, "no time zone \(ConfigurationReading.shown(text))",
          "Write its IANA name; for example Europe/Berlin")
        return nil
      }
      return text.text
    } show: {
      $0
    }
  }
}

extension ConfigurationValueType where Value == [LimitSubject]? {
  /// `global`, one subject, or a list of them.
  static var subjects: Self {
    let words = ["global"] + LimitSubject.plain.map(\.description)
    let kind = ConfigurationValueKind.subject(words, named: LimitSubject.named.map(\.kind))
    return ConfigurationValueType(kind: .oneOrMore(kind)) { node, path, reading in
      let list: [ConfigurationNode] = if case .list(let nodes) = node.content { nodes } else { [node] }
      var subjects: [LimitSubject] = []
      var isGlobal = false
      let before = reading.problems.count
      for (index, element) in list.enumerated() {
        let place = list.count == 1 ? path : "\(path)[\(index)]"
        guard let text = reading.text(element, place, expected: "a subject") else { continue }
        if text.text == "global" {
          isGlobal = true
        } else if let subject = subject(text, words, element, place, &reading) {
          if subjects.contains(subject) {
            reading.report(element.position, place, "`\(subject)` stands twice", "Keep one")
          }
          subjects.append(subject)
        }
      }
      guard reading.problems.count == before else { return nil }
      guard !list.isEmpty, !isGlobal || list.count == 1 else {
        reading.report(
          node.position, path, list.isEmpty ? "nobody has the amount" : "`global` together with others",
          "Write `global` alone for one amount that all share, or leave it out")
        return nil
      }
      return .some(subjects)
    } show: { _ in
      nil
    }
  }

  private static func subject(
    _ text: VariableExpansion.Expanded, _ words: [String], _ node: ConfigurationNode, _ path: String,
    _ reading: inout ConfigurationReading
  ) -> LimitSubject? {
    if let subject = LimitSubject.plain.first(where: { $0.description == text.text }) { return subject }
    if let colon = text.text.firstIndex(of: ":"),
      let named = LimitSubject.named.first(where: { $0.kind == text.text[..<colon] })
    {
      let name = String(text.text[text.text.index(after: colon)...])
      if let (words, mend) = LimitSubject.problem(ofName: name, kind: named.kind) {
        reading.report(node.position, path, words, mend)
        return nil
      }
      return named.make(named.kind == "header" ? name.lowercased() : name)
    }
    let near = text.usesVariable ? nil : NearestName.nearest(to: text.text, among: words).first
    let named = LimitSubject.named.map { "\($0.kind):NAME" }
    reading.report(
      node.position, path, "expected a subject, found \(ConfigurationReading.shown(text))",
      near.map { "Did you mean \($0)?" } ?? "Write one of \((words + named).joined(separator: ", "))")
    return nil
  }
}
