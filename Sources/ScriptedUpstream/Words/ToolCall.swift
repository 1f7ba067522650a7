/// A tool call of a scripted answer: its name, and its arguments in pieces that are no JSON of their own.
struct ToolCall: Sendable, Equatable {
  /// Which of the answer's calls it is, from 0.
  let index: Int
  /// The function's name in the pieces it is sent in.
  let namePieces: [String]
  /// The arguments in the pieces they are sent in, in UTF-16: with split surrogates a piece may end with half a pair.
  let argumentPieces: [[UInt16]]

  /// The `index`-th call of an answer with this script; `splitsName` sends its name in two pieces.
  init(_ index: Int, _ script: Script, splitsName: Bool) {
    self.index = index
    let isMixed = script.text == .mixed || script.text == .mixedEscaped
    let name = isMixed ? Self.mixedNames[index % Self.mixedNames.count] : "get_weather"
    let half = name.index(name.startIndex, offsetBy: name.count / 2)
    namePieces = splitsName ? [String(name[..<half]), String(name[half...])] : [name]
    let pieces = isMixed ? Self.mixedArguments[index % Self.mixedArguments.count] : Self.plainArguments
    argumentPieces = script.splitsSurrogates ? Self.splitPairs(pieces) : pieces.map { Array($0.utf16) }
  }

  /// Moves the second half of a surrogate pair that ends a piece to the next one.
  private static func splitPairs(_ pieces: [String]) -> [[UInt16]] {
    var units = pieces.map { Array($0.utf16) }
    for index in units.indices.dropLast() {
      guard let last = units[index].last, UTF16.isTrailSurrogate(last) else { continue }
      units[index].removeLast()
      units[index + 1].insert(last, at: 0)
    }
    return units
  }

  /// The function's name.
  var name: String { namePieces.joined() }
  /// The arguments in one piece, a JSON object.
  var arguments: String { String(decoding: argumentPieces.joined(), as: UTF16.self) }
  /// The call's id as OpenAI's endpoints have it.
  var id: String { "call_scripted_\(index)" }
  /// Events of the call when it comes in pieces.
  var eventCount: Int { namePieces.count + argumentPieces.count }

  private static let plainArguments = ["{", "\"city\"", ":\"Lyon\",", "\"unit\":\"cel", "sius\"", "}"]
  private static let mixedNames = ["open_gate", "search_water_levels", "notify"]
  private static let mixedArguments = [
    MixedText.cut(#"{"city":"Zürich","gate":{"to":47.5,"by":["水位","уровень"]},"mood":"🌊👩‍🚀🇯🇵"}"#, seed: 2),
    MixedText.cut(#"{"query":"line\nbreak \"quoted\" \u6c34\ud83c\udf0a \\ C:\\temp","limit":10}"#, seed: 3),
    MixedText.cut(#"{ "to" : ["Ämter", "ミル", "한강"], "text" : "Größer als 3 m³/s 👨‍👩‍👧‍👦", "urgent" : true }"#, seed: 4),
  ]
}
