/// Why a script's text was refused.
public struct ScriptError: Error, Equatable, CustomStringConvertible, Sendable {
  /// The word that could not be read.
  public let word: String
  /// What would have been right.
  public let expected: String

  /// The word and what would have been right.
  public var description: String { "script: '\(word)' is not understood; expected \(expected)" }
}

extension Script {
  /// The most bytes that one event may be asked to have.
  public static let bigTextBytesMax = 16 << 20
  /// The most choices that one answer may be asked to have.
  public static let choicesMax = 128

  /// Reads a script: words separated by white space. A value may stand in single quotes to hold spaces.
  ///
  /// - Throws: the first word that is not understood.
  public init(parsing text: String) throws(ScriptError) {
    self.init()
    for word in Self.words(text) { try apply(word) }
  }

  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    var isQuoted = false
    for character in text {
      if character == "'" {
        isQuoted.toggle()
      } else if character.isWhitespace && !isQuoted {
        if !word.isEmpty { words.append(word) }
        word = ""
      } else {
        word.append(character)
      }
    }
    if !word.isEmpty { words.append(word) }
    return words
  }

  private mutating func apply(_ word: String) throws(ScriptError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { return try applyFlag(word) }
    let value = ScriptValue(word: word, text: String(parts[1]))
    switch parts[0] {
    case "events": events = try value.count()
    case "reasoning": reasoningEvents = try value.count()
    case "refusal": refusalEvents = try value.count()
    case "think": think = try value.choice()
    case "choices": choices = max(1, try value.count(max: Self.choicesMax))
    case "tools": toolCalls = try value.count(max: 128)
    case "gap": gap = try value.duration()
    case "headDelay": headDelay = try value.duration()
    case "firstDelay": firstDelay = try value.duration()
    case "keepAlive": keepAlive = try value.duration()
    case "usage": usage = try value.choice()
    case "provider": provider = try value.choice()
    case "prompt", "promptTokens": promptTokens = try value.count()
    case "cached": cachedTokens = try value.count()
    case "cacheWrite": cacheWriteTokens = try value.count()
    case "completion": completionTokens = try value.count()
    case "hidden": hiddenTokens = try value.count()
    case "reasoningTokens": reasoningTokens = try value.count()
    case "audio": audioTokens = try value.count()
    case "promptAudio": promptAudioTokens = try value.count()
    case "lineEnd": lineEnd = try value.choice()
    case "comments": comments = try value.count()
    case "framing": framing = try value.choice() as Framing
    case "writeSplit": writeSplit = try value.count()
    case "chunkSplit": chunkSplit = try value.count()
    case "coalesce": coalesce = max(1, try value.count())
    case "text": self.text = try value.style()
    case "fault": fault = try value.fault()
    case "after": after = try value.count()
    case "afterEvents": afterEvents = try value.count()
    case "first": first = try value.count()
    case "retryAfter": retryAfter = try value.fieldValue()
    case "header": headers.append(try value.header())
    case "interim": interim = try value.interim()
    case "tag": tag = value.text
    default: throw ScriptError(word: word, expected: "one of \(Self.names)")
    }
  }

  private mutating func applyFlag(_ word: String) throws(ScriptError) {
    switch word {
    case "bom": bom = true
    case "think": think = .whole
    case "splitSurrogates": splitsSurrogates = true
    case "splitNames": splitsNames = true
    default: throw ScriptError(word: word, expected: "name=value, bom, think, splitSurrogates or splitNames")
    }
  }

  private static let names =
    "events, reasoning, refusal, think, choices, tools, splitNames, gap, headDelay, firstDelay, keepAlive, provider, "
    + "usage, promptTokens, cached, cacheWrite, completion, hidden, reasoningTokens, audio, promptAudio, lineEnd, "
    + "comments, framing, writeSplit, chunkSplit, coalesce, bom, text, splitSurrogates, fault, after, afterEvents, "
    + "first, retryAfter, header, interim, tag"
}

/// The value of one word, and the word for the error's sake.
private struct ScriptValue {
  let word: String
  let text: String

  func count(max: Int = 1_000_000_000) throws(ScriptError) -> Int {
    guard let number = Int(text), (0...max).contains(number) else { throw expected("a number from 0 to \(max)") }
    return number
  }

  func duration() throws(ScriptError) -> Duration {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int64(digits), number <= 1_000_000_000 else { throw expected("a duration such as 20ms") }
    switch text.dropFirst(digits.count) {
    case "us": return .microseconds(number)
    case "ms": return .milliseconds(number)
    case "s": return .seconds(number)
    case "m": return .seconds(number * 60)
    case "" where number == 0: return .zero
    default: throw expected("a duration in us, ms, s or m, such as 20ms")
    }
  }

  func choice<Choice: RawRepresentable & CaseIterable>() throws(ScriptError) -> Choice
  where Choice.RawValue == String {
    guard let choice = Choice(rawValue: text) else {
      throw expected("one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }

  func style() throws(ScriptError) -> Script.Text {
    switch text {
    case "plain": return .plain
    case "emoji": return .emoji
    case "escaped": return .escaped
    case "mixed": return .mixed
    case "mixedEscaped": return .mixedEscaped
    default:
      guard text.hasPrefix("big:") else {
        throw expected("plain, emoji, escaped, mixed, mixedEscaped or big:BYTES")
      }
      return .big(try ScriptValue(word: word, text: String(text.dropFirst(4))).count(max: Script.bigTextBytesMax))
    }
  }

  func fault() throws(ScriptError) -> Script.Fault {
    if let named = Script.Fault.named.first(where: { $0.0 == text }) { return named.1 }
    if text.hasPrefix("status:"), let status = Int(text.dropFirst(7)), (200...599).contains(status) {
      return .status(status)
    }
    throw expected("status:CODE or one of \(Script.Fault.named.map(\.0).joined(separator: ", "))")
  }

  func header() throws(ScriptError) -> Script.Header {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else { throw expected("header='name: value'") }
    let value = parts[1].drop { $0 == " " }
    _ = try ScriptValue(word: word, text: text).fieldValue()
    return Script.Header(String(parts[0]), String(value))
  }

  func fieldValue() throws(ScriptError) -> String {
    guard text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
      throw expected("no control characters")
    }
    return text
  }

  func interim() throws(ScriptError) -> Int {
    guard let status = Int(text), [100, 102, 103].contains(status) else { throw expected("100, 102 or 103") }
    return status
  }

  private func expected(_ what: String) -> ScriptError { ScriptError(word: word, expected: what) }
}
