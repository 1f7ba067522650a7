/// OpenAI's `/v1/responses` (platform.openai.com/docs/api-reference/responses-streaming): items that are added and
/// done, with their text once in deltas and again whole at each end; usage in the last event. There is one choice.
struct ResponsesDialect: Dialect {
  /// An event that is no token.
  enum Frame {
    case created
    case inProgress
    case itemAdded(ResponseItem)
    case partAdded(ResponseItem, ResponseItem.Part)
    case textDone(ResponseItem, ResponseItem.Part)
    case partDone(ResponseItem, ResponseItem.Part)
    case argumentsDone(ResponseItem)
    case itemDone(ResponseItem)
    case completed
  }

  let transcript: Transcript
  let lines: EventLines
  let layout: Layout
  let framesAfterError: [Int] = []
  private let truth: UsageTruth
  private let tellsUsage: Bool
  private let quotedModel: String
  private let items: [ResponseItem]
  private let frames: [Frame]

  init(_ transcript: Transcript, _ truth: UsageTruth, _ script: Script, _ context: ChatShape.Context) {
    self.transcript = transcript
    self.truth = truth
    lines = EventLines(script.lineEnd)
    tellsUsage = script.usage != .never
    quotedModel = context.quotedModel
    let items = ResponseItem.items(of: transcript)
    self.items = items

    var layout = Layout()
    var frames: [Frame] = []
    var before: [Frame] = [.created, .inProgress]
    for item in items {
      if item.tool == nil { before.append(.itemAdded(item)) }
      for part in item.parts {
        if item.tool == nil { before.append(.partAdded(item, part)) }
        frames += before
        layout.append(frames: before.count, tokens: part.segments.reduce(0) { $0 + $1.steps.count })
        before = item.tool == nil ? [.textDone(item, part), .partDone(item, part)] : [.argumentsDone(item)]
      }
      before.append(.itemDone(item))
    }
    // One event says both: that the answer is finished, and that the stream is over.
    if script.fault != .noFinish && script.fault != .noDone { before.append(.completed) }
    frames += before
    layout.append(frames: before.count, tokens: 0)
    self.layout = layout
    self.frames = frames
  }

  // MARK: Tokens

  func appendToken(_ token: Int, to bytes: inout [UInt8]) {
    let said = transcript.part(token).part
    guard let item = items.first(where: { $0.contains(token) }),
      let part = item.parts.first(where: { $0.contains(token) })
    else { return }
    if case .tool(_, 0) = said { return append(.itemAdded(item), at: layout.index(ofToken: token), to: &bytes) }
    let place = "\"item_id\":\"\(item.id)\",\"output_index\":\(item.index),\(part.place)\"delta\":\""
    begin(part.deltaType, at: layout.index(ofToken: token), place, to: &bytes)
    if case .tool(let call, let event) = said {
      let tool = transcript.tools[call]
      transcript.wording.append(tool.argumentPieces[event - tool.namePieces.count], to: &bytes)
    } else {
      transcript.append(said, choice: 0, to: &bytes)
    }
    bytes.append(part.kind == .text ? "\",\"logprobs\":[]}" : "\"}")
    lines.finish(&bytes)
  }

  // MARK: What is not a token

  func appendFrame(_ frame: Int, to bytes: inout [UInt8]) {
    append(frames[frame], at: layout.index(ofFrame: frame), to: &bytes)
  }

  private func append(_ frame: Frame, at index: Int, to bytes: inout [UInt8]) {
    switch frame {
    case .created, .inProgress:
      let type = if case .created = frame { "response.created" } else { "response.in_progress" }
      begin(type, at: index, "\"response\":\(head("in_progress")),\"output\":[],\"usage\":null}", to: &bytes)
    case .itemAdded(let item), .itemDone(let item):
      let isDone = if case .itemDone = frame { true } else { false }
      begin(
        "response.output_item.\(isDone ? "done" : "added")", at: index, "\"output_index\":\(item.index),\"item\":",
        to: &bytes)
      item.append(transcript, isDone: isDone, to: &bytes)
    case .partAdded(let item, let part), .partDone(let item, let part):
      let isDone = if case .partDone = frame { true } else { false }
      begin(
        part.kind.partType + (isDone ? "done" : "added"), at: index,
        "\"item_id\":\"\(item.id)\",\"output_index\":\(item.index),\(part.place)\"part\":", to: &bytes)
      part.append(transcript, isDone: isDone, to: &bytes)
    case .textDone(let item, let part):
      begin(
        part.doneType, at: index,
        "\"item_id\":\"\(item.id)\",\"output_index\":\(item.index),\(part.place)\"\(part.textName)\":\"", to: &bytes)
      part.appendText(transcript, to: &bytes)
      bytes.append("\"")
    case .argumentsDone(let item):
      let tool = transcript.tools[item.tool ?? 0]
      begin(
        "response.function_call_arguments.done", at: index,
        "\"item_id\":\"\(item.id)\",\"output_index\":\(item.index),\"name\":\"\(tool.name)\",\"arguments\":\"",
        to: &bytes)
      transcript.wording.append(tool.arguments, to: &bytes)
      bytes.append("\"")
    case .completed:
      begin("response.completed", at: index, "\"response\":", to: &bytes)
      bytes += plain()
    }
    bytes.append("}")
    lines.finish(&bytes)
  }

  /// Appends an event up to and with `members`; the closing brace is still to come.
  private func begin(_ type: String, at index: Int, _ members: String, to bytes: inout [UInt8]) {
    lines.begin(type, &bytes)
    bytes.append("{\"type\":\"\(type)\",\"sequence_number\":\(index),\(members)")
  }

  func appendError(to bytes: inout [UInt8]) {
    lines.append(
      event: "error",
      data:
        "{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"the model ran into a scripted error\",\"param\":null}",
      to: &bytes)
  }

  // MARK: In one piece

  private func head(_ status: String) -> String {
    "{\"id\":\"resp_scripted_0001\",\"object\":\"response\",\"created_at\":1735689600,\"status\":\"\(status)\","
      + "\"error\":null,\"model\":\(quotedModel)"
  }

  private var usage: String {
    guard tellsUsage else { return "null" }
    return "{\"input_tokens\":\(truth.prompt),\"input_tokens_details\":{\"cached_tokens\":\(truth.cached)},"
      + "\"output_tokens\":\(truth.completion),"
      + "\"output_tokens_details\":{\"reasoning_tokens\":\(truth.reasoning)},\"total_tokens\":\(truth.total)}"
  }

  func plain() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("\(head("completed")),\"output\":[")
    for item in items {
      if item.index > 0 { bytes.append(",") }
      item.append(transcript, isDone: true, to: &bytes)
    }
    bytes.append("],\"usage\":\(usage)}")
    return bytes
  }
}
