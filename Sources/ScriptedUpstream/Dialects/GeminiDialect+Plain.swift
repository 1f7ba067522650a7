/// The answer in one piece.
extension GeminiDialect {
  func plain() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\"candidates\":[")
    for choice in 0..<transcript.choices {
      bytes.append(choice > 0 ? ",{\"content\":{\"parts\":[" : "{\"content\":{\"parts\":[")
      appendParts(choice, to: &bytes)
      bytes.append("],\"role\":\"model\"}")
      if !lacksFinish { bytes.append(",\"finishReason\":\"\(finishReason)\"") }
      bytes.append(",\"index\":\(choice)}")
    }
    bytes.append("]")
    appendTail(truth, to: &bytes)
    return bytes
  }

  /// The thoughts as one part, the text as one, and one for each tool call.
  private func appendParts(_ choice: Int, to bytes: inout [UInt8]) {
    let texts = transcript.segments.filter { if case .tool = $0.kind { false } else { true } }
    let thoughts = texts.filter { $0.kind == .thoughts && transcript.tellsReasoning }
    let answers = texts.filter { !thoughts.contains($0) }
    var hasPart = false
    for (segments, isThought) in [(thoughts, true), (answers, false)] where !segments.isEmpty {
      if hasPart { bytes.append(",") }
      hasPart = true
      appendPart(isThought: isThought, to: &bytes) { bytes in
        for segment in segments { transcript.append(segment, choice: choice, to: &bytes) }
      }
    }
    for tool in transcript.tools {
      if hasPart { bytes.append(",") }
      hasPart = true
      append(tool, to: &bytes)
    }
  }
}
