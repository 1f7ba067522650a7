/// Anthropic's `/v1/messages` (docs.anthropic.com, Streaming messages): blocks with a start and a stop, usage in the
/// first event and, cumulative, in the last but one. There is one choice; a refusal is text like any other.
struct MessagesDialect: Dialect {
  /// An event that is no token.
  private enum Frame {
    case messageStart
    case ping
    case blockStart(Int)
    case signature(Int)
    case blockStop(Int)
    case messageDelta
    case messageStop
  }

  /// A content block: steps that belong together.
  struct Block {
    enum Kind: Equatable {
      case thinking
      case text
      case tool(Int)
    }

    let kind: Kind
    var segments: [Transcript.Segment]

    var tokenCount: Int { segments.reduce(0) { $0 + $1.steps.count } }
  }

  let transcript: Transcript
  let lines: EventLines
  let layout: Layout
  let framesAfterError: [Int] = []
  let truth: UsageTruth
  let tellsUsage: Bool
  let lacksFinish: Bool
  private let quotedModel: String
  let blocks: [Block]
  /// Where each block's tokens end.
  private let blockEnds: [Int]
  private let frames: [Frame]

  init(_ transcript: Transcript, _ truth: UsageTruth, _ script: Script, _ context: ChatShape.Context) {
    self.transcript = transcript
    self.truth = truth
    lines = EventLines(script.lineEnd)
    tellsUsage = script.usage != .never
    lacksFinish = script.fault == .noFinish
    quotedModel = context.quotedModel
    let blocks = Self.blocks(transcript)
    self.blocks = blocks

    var layout = Layout()
    var frames: [Frame] = []
    var before: [Frame] = [.messageStart]
    var ends: [Int] = []
    for (index, block) in blocks.enumerated() {
      // A tool's start is the event of the token that is its name.
      if case .tool = block.kind {} else { before.append(.blockStart(index)) }
      if index == 0 { before.append(.ping) }
      frames += before
      layout.append(frames: before.count, tokens: block.tokenCount)
      ends.append(layout.tokenCount)
      before = block.kind == .thinking ? [.signature(index), .blockStop(index)] : [.blockStop(index)]
    }
    if !lacksFinish { before.append(.messageDelta) }
    if script.fault != .noDone { before.append(.messageStop) }
    frames += before
    layout.append(frames: before.count, tokens: 0)
    self.layout = layout
    self.frames = frames
    blockEnds = ends
  }

  private static func blocks(_ transcript: Transcript) -> [Block] {
    var blocks: [Block] = []
    for segment in transcript.segments {
      let kind: Block.Kind =
        switch segment.kind {
        case .thoughts where transcript.tellsReasoning: .thinking
        case .tool(let call): .tool(call)
        default: .text
        }
      if kind == .text, blocks.last?.kind == .text {
        blocks[blocks.count - 1].segments.append(segment)
      } else {
        blocks.append(Block(kind: kind, segments: [segment]))
      }
    }
    return blocks
  }

  // MARK: Tokens

  func appendToken(_ token: Int, to bytes: inout [UInt8]) {
    let block = blockEnds.firstIndex { token < $0 } ?? 0
    let part = transcript.part(token).part
    if case .tool(let call, 0) = part {
      let tool = transcript.tools[call]
      return appendEvent(
        "content_block_start",
        ",\"index\":\(block),\"content_block\":{\"type\":\"tool_use\",\"id\":\"\(Self.id(tool))\","
          + "\"name\":\"\(tool.name)\",\"input\":{}}", to: &bytes)
    }
    lines.begin("content_block_delta", &bytes)
    bytes.append("{\"type\":\"content_block_delta\",\"index\":\(block),\"delta\":{\"type\":")
    switch part {
    case .tool(let call, let event):
      let tool = transcript.tools[call]
      bytes.append("\"input_json_delta\",\"partial_json\":\"")
      transcript.wording.append(tool.argumentPieces[event - tool.namePieces.count], to: &bytes)
    case .thought where transcript.tellsReasoning:
      bytes.append("\"thinking_delta\",\"thinking\":\"")
      transcript.append(part, choice: 0, to: &bytes)
    default:
      bytes.append("\"text_delta\",\"text\":\"")
      transcript.append(part, choice: 0, to: &bytes)
    }
    bytes.append("\"}}")
    lines.finish(&bytes)
  }

  // MARK: What is not a token

  func appendFrame(_ frame: Int, to bytes: inout [UInt8]) {
    switch frames[frame] {
    case .messageStart:
      let usage = tellsUsage ? ",\"usage\":\(startUsage)" : ""
      appendEvent(
        "message_start",
        ",\"message\":{\(head),\"content\":[],\"stop_reason\":null,\"stop_sequence\":null\(usage)}", to: &bytes)
    case .ping: appendEvent("ping", "", to: &bytes)
    case .blockStart(let index):
      let block =
        blocks[index].kind == .thinking
        ? "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}" : "{\"type\":\"text\",\"text\":\"\"}"
      appendEvent("content_block_start", ",\"index\":\(index),\"content_block\":\(block)", to: &bytes)
    case .signature(let index):
      appendEvent(
        "content_block_delta",
        ",\"index\":\(index),\"delta\":{\"type\":\"signature_delta\",\"signature\":\"\(Self.signature)\"}", to: &bytes)
    case .blockStop(let index): appendEvent("content_block_stop", ",\"index\":\(index)", to: &bytes)
    case .messageDelta:
      let usage = tellsUsage ? ",\"usage\":{\"output_tokens\":\(truth.completion)}" : ""
      appendEvent(
        "message_delta", ",\"delta\":{\"stop_reason\":\"\(stopReason)\",\"stop_sequence\":null}\(usage)", to: &bytes)
    case .messageStop: appendEvent("message_stop", "", to: &bytes)
    }
  }

  func appendError(to bytes: inout [UInt8]) {
    appendEvent(
      "error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"the model ran into a scripted error\"}",
      to: &bytes)
  }

  private func appendEvent(_ type: String, _ members: String, to bytes: inout [UInt8]) {
    lines.append(event: type, data: "{\"type\":\"\(type)\"\(members)}", to: &bytes)
  }

  static let signature = "c2NyaXB0ZWQ="
  static func id(_ tool: ToolCall) -> String { "toolu_scripted_\(tool.index)" }

  var head: String {
    "\"id\":\"msg_scripted_0001\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\(quotedModel)"
  }

  var stopReason: String {
    transcript.refusalCount > 0 ? "refusal" : transcript.tools.isEmpty ? "end_turn" : "tool_use"
  }

  /// The prompt's counts; `input_tokens` leaves out what was read from or written to the cache.
  var promptUsage: String {
    "\"input_tokens\":\(max(0, truth.prompt - truth.cached - truth.cacheWrite)),"
      + "\"cache_creation_input_tokens\":\(truth.cacheWrite),\"cache_read_input_tokens\":\(truth.cached)"
  }

  private var startUsage: String {
    "{\(promptUsage),\"output_tokens\":\(min(1, truth.completion)),\"service_tier\":\"standard\"}"
  }
}
