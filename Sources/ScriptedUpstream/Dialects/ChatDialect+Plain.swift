/// The answer in one piece.
extension ChatDialect {
  func plain() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\(wholeShape.head)\"choices\":[")
    for choice in 0..<transcript.choices {
      if choice > 0 { bytes.append(",") }
      bytes.append(wholeShape.indexFirst ? "{\"index\":\(choice)," : "{")
      if isChat { appendMessage(choice, to: &bytes) } else { appendText("text", choice, to: &bytes) }
      if !wholeShape.indexFirst { bytes.append(",\"index\":\(choice)") }
      bytes.append(",\"logprobs\":null,\"finish_reason\":\(lacksFinish ? "null" : "\"\(finishReason)\"")}")
    }
    bytes.append("]")
    if tellsUsageWhole {
      bytes.append(",\"usage\":\(wholeShape.usage(truth))")
      if let companion = wholeShape.companion { bytes.append(companion(truth)) }
    }
    bytes.append("\(wholeShape.tail)}")
    return bytes
  }

  private func appendMessage(_ choice: Int, to bytes: inout [UInt8]) {
    bytes.append("\"message\":{\"role\":\"assistant\",")
    let hasOther = !transcript.tools.isEmpty || transcript.refusalCount > 0
    if transcript.contentCount == 0 && hasOther && transcript.segments.first?.kind != .openTag {
      bytes.append("\"content\":null")
    } else {
      appendText("content", choice, to: &bytes)
    }
    for segment in transcript.segments {
      switch segment.kind {
      case .thoughts where transcript.tellsReasoning: bytes.append(",\"\(shape.reasoningField)\":\"")
      case .refusal: bytes.append(",\"refusal\":\"")
      default: continue
      }
      transcript.append(segment, choice: choice, to: &bytes)
      bytes.append("\"")
    }
    if !transcript.tools.isEmpty {
      bytes.append(",\"tool_calls\":[")
      for tool in transcript.tools {
        bytes.append(tool.index > 0 ? "," : "")
        bytes.append(
          "{\"id\":\"\(tool.id)\",\"type\":\"function\",\"function\":{\"name\":\"\(tool.name)\",\"arguments\":\"")
        transcript.wording.append(tool.arguments, to: &bytes)
        bytes.append("\"}}")
      }
      bytes.append("]")
    }
    bytes.append("}")
  }

  /// A member with all that the content says.
  private func appendText(_ member: String, _ choice: Int, to bytes: inout [UInt8]) {
    bytes.append("\"\(member)\":\"")
    for segment in transcript.segments {
      switch segment.kind {
      case .openTag, .closeTag, .content: break
      case .thoughts where !transcript.tellsReasoning: break
      default: continue
      }
      transcript.append(segment, choice: choice, to: &bytes)
    }
    bytes.append("\"")
  }
}
