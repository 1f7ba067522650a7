/// The answer in one piece.
extension MessagesDialect {
  func plain() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\(head),\"content\":[")
    for (index, block) in blocks.enumerated() {
      if index > 0 { bytes.append(",") }
      append(block, to: &bytes)
    }
    bytes.append("],\"stop_reason\":\(lacksFinish ? "null" : "\"\(stopReason)\""),\"stop_sequence\":null")
    if tellsUsage {
      bytes.append(",\"usage\":{\(promptUsage),\"output_tokens\":\(truth.completion),\"service_tier\":\"standard\"}")
    }
    bytes.append("}")
    return bytes
  }

  private func append(_ block: Block, to bytes: inout [UInt8]) {
    switch block.kind {
    case .tool(let call):
      let tool = transcript.tools[call]
      bytes.append("{\"type\":\"tool_use\",\"id\":\"\(Self.id(tool))\",\"name\":\"\(tool.name)\",")
      return bytes.append("\"input\":\(tool.arguments)}")
    case .thinking: bytes.append("{\"type\":\"thinking\",\"thinking\":\"")
    case .text: bytes.append("{\"type\":\"text\",\"text\":\"")
    }
    for segment in block.segments { transcript.append(segment, choice: 0, to: &bytes) }
    bytes.append(block.kind == .thinking ? "\",\"signature\":\"\(Self.signature)\"}" : "\"}")
  }
}
