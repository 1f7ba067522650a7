/// The chunks of `/v1/chat/completions` and `/v1/completions`.
///
/// What does not change from event to event is rendered once a plan and copied once an event: no JSON is built while a
/// stream of the usual kind runs.
struct ChatDialect: Dialect {
  /// An event that is no token.
  private enum Frame {
    case role(Int)
    case finish(Int)
    case usage
    case done
  }

  let transcript: Transcript
  let lines: EventLines
  let layout: Layout
  let framesAfterError: [Int]
  let shape: ChatShape
  let wholeShape: ChatShape
  let truth: UsageTruth
  let isChat: Bool
  let tellsUsageWhole: Bool
  let lacksFinish: Bool
  private let frames: [Frame]
  /// From `data: ` to the choices.
  private let envelope: [UInt8]
  /// From `data: ` to where the delta or the text begins, for each choice.
  private let openings: [[UInt8]]
  /// From the end of the delta to the finish reason, for each choice.
  private let choiceEnds: [[UInt8]]
  /// From the end of the delta to the end of the event, for each choice.
  private let closings: [[UInt8]]
  private let contentBefore: [UInt8]
  private let contentAfter: [UInt8]
  private let reasoningBefore: [UInt8]
  private let reasoningAfter: [UInt8]
  private let refusalBefore: [UInt8]
  private let nullUsage: String
  /// Whether every event has counts of its own.
  private let counts: Bool

  init(_ transcript: Transcript, _ truth: UsageTruth, _ script: Script, _ context: ChatShape.Context) {
    self.transcript = transcript
    self.truth = truth
    isChat = context.isChat
    let shape = ChatShape.of(script, context, tellsReasoning: transcript.tellsReasoning)
    self.shape = shape
    let whole = ChatShape.Context(
      model: context.model, isChat: context.isChat, isWhole: true, asksUsage: true, asksRunning: false)
    wholeShape = ChatShape.of(script, whole, tellsReasoning: transcript.tellsReasoning)
    tellsUsageWhole = script.usage != .never
    lacksFinish = script.fault == .noFinish
    let lines = EventLines(script.lineEnd)
    self.lines = lines
    counts = shape.place == .everyChunk || shape.place == .everyChunkAndOwn || shape.companion != nil

    let choices = 0..<transcript.choices
    var frames: [Frame] = isChat ? choices.map { .role($0) } : []
    let leading = frames.count
    if script.fault != .noFinish { frames += choices.map { .finish($0) } }
    if shape.place == .ownChunk || shape.place == .everyChunkAndOwn { frames.append(.usage) }
    // The frame of an error's end is there also where the stream itself has none.
    framesAfterError = [frames.count]
    var layout = Layout()
    layout.append(frames: leading, tokens: transcript.tokenCount)
    layout.append(frames: frames.count - leading + (script.fault == .noDone ? 0 : 1), tokens: 0)
    self.layout = layout
    self.frames = frames + [.done]

    let envelope = Array("data: {\(shape.head)\"choices\":[".utf8)
    self.envelope = envelope
    let name = isChat ? "delta" : "text"
    openings = choices.map {
      envelope + Array((shape.indexFirst ? "{\"index\":\($0),\"\(name)\":" : "{\"\(name)\":").utf8)
    }
    choiceEnds = choices.map {
      Array("\(shape.indexFirst ? "" : ",\"index\":\($0)"),\"logprobs\":null,\"finish_reason\":".utf8)
    }
    let nullUsage = shape.nullUsage ? ",\"usage\":null" : ""
    self.nullUsage = nullUsage
    closings = choiceEnds.map { $0 + Array("null}]\(nullUsage)\(shape.tail)}".utf8) + lines.end + lines.end }

    let silent = shape.namesSilentField && transcript.tellsReasoning
    contentBefore = Array((isChat ? "{\(shape.deltaLead)\"content\":\"" : "\"").utf8)
    contentAfter = Array((isChat ? (silent ? "\",\"\(shape.reasoningField)\":null}" : "\"}") : "\"").utf8)
    reasoningBefore = Array(
      "{\(shape.deltaLead)\(silent ? "\"content\":null," : "")\"\(shape.reasoningField)\":\"".utf8)
    reasoningAfter = Array("\"}".utf8)
    refusalBefore = Array("{\(shape.deltaLead)\"refusal\":\"".utf8)
  }

  // MARK: Tokens

  func appendToken(_ token: Int, to bytes: inout [UInt8]) {
    let (choice, part) = transcript.part(token)
    bytes.append(contentsOf: openings[choice])
    switch part {
    case .thought where transcript.tellsReasoning:
      bytes.append(contentsOf: reasoningBefore)
      transcript.append(part, choice: choice, to: &bytes)
      bytes.append(contentsOf: reasoningAfter)
    case .content, .thought, .tag:
      bytes.append(contentsOf: contentBefore)
      transcript.append(part, choice: choice, to: &bytes)
      bytes.append(contentsOf: contentAfter)
    case .refusal:
      bytes.append(contentsOf: refusalBefore)
      transcript.append(part, choice: choice, to: &bytes)
      bytes.append(contentsOf: reasoningAfter)
    case .tool(let call, let event): appendTool(transcript.tools[call], event, to: &bytes)
    }
    guard counts else { return bytes.append(contentsOf: closings[choice]) }
    bytes.append(contentsOf: choiceEnds[choice])
    bytes.append("null}]")
    appendRunning(choice, tokens: token + 1, to: &bytes)
  }

  private func appendTool(_ tool: ToolCall, _ event: Int, to bytes: inout [UInt8]) {
    bytes.append("{\(shape.deltaLead)\"tool_calls\":[{\"index\":\(tool.index),")
    if event == 0 { bytes.append("\"id\":\"\(tool.id)\",\"type\":\"function\",") }
    bytes.append("\"function\":{")
    if event < tool.namePieces.count {
      bytes.append("\"name\":\"\(tool.namePieces[event])\"")
      if event == 0 { bytes.append(",\"arguments\":\"\"") }
    } else {
      bytes.append("\"arguments\":\"")
      transcript.wording.append(tool.argumentPieces[event - tool.namePieces.count], to: &bytes)
      bytes.append("\"")
    }
    bytes.append("}}]}")
  }

  /// From after the choices to the end of an event that has counts: of its choice, or of all.
  private func appendRunning(_ choice: Int, tokens: Int, to bytes: inout [UInt8]) {
    var running = truth
    if shape.place == .everyChunkAndOwn {
      // The choice has as many steps behind it as it had turns.
      let steps = (tokens - choice + transcript.choices - 1) / transcript.choices
      let share = truth.share(choice, of: transcript.choices)
      running.completion =
        transcript.stepCount == 0 ? share : share * min(max(0, steps), transcript.stepCount) / transcript.stepCount
    } else if tokens < transcript.tokenCount {
      let thoughts = transcript.thoughts(among: tokens)
      let allThoughts = transcript.thoughtSteps.count * transcript.choices
      running = truth.running(
        reasoning: (thoughts, of: allThoughts),
        others: (tokens - thoughts, of: transcript.tokenCount - allThoughts))
    }
    let tellsUsage = shape.place == .everyChunk || shape.place == .everyChunkAndOwn
    bytes.append(tellsUsage ? ",\"usage\":\(shape.usage(running))" : nullUsage)
    if let companion = shape.companion { bytes.append(companion(running)) }
    bytes.append("\(shape.tail)}")
    lines.finish(&bytes)
  }

  // MARK: What is not a token

  func appendFrame(_ frame: Int, to bytes: inout [UInt8]) {
    if frame == 0 && shape.beginsWithComment { lines.appendComment(to: &bytes) }
    switch frames[frame] {
    case .role(let choice): appendRole(choice, to: &bytes)
    case .finish(let choice): appendFinish(choice, to: &bytes)
    case .usage:
      bytes.append(contentsOf: envelope)
      bytes.append("],\"usage\":\(shape.usage(truth))\(shape.tail)}")
      lines.finish(&bytes)
    case .done: lines.append(data: "[DONE]", to: &bytes)
    }
  }

  private func appendRole(_ choice: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: openings[choice])
    bytes.append(shape.roleDelta)
    guard counts else { return bytes.append(contentsOf: closings[choice]) }
    bytes.append(contentsOf: choiceEnds[choice])
    bytes.append("null}]")
    appendRunning(choice, tokens: 0, to: &bytes)
  }

  private func appendFinish(_ choice: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: openings[choice])
    bytes.append(isChat ? shape.finishDelta : "\"\"")
    bytes.append(contentsOf: choiceEnds[choice])
    bytes.append("\"\(finishReason)\"\(shape.afterFinish)}]")
    if counts { return appendRunning(choice, tokens: transcript.tokenCount, to: &bytes) }
    let isLast = choice == transcript.choices - 1
    bytes.append(shape.place == .onFinish && isLast ? ",\"usage\":\(shape.usage(truth))" : nullUsage)
    bytes.append("\(shape.tail)}")
    lines.finish(&bytes)
  }

  var finishReason: String { transcript.tools.isEmpty ? "stop" : "tool_calls" }

  func appendError(to bytes: inout [UInt8]) {
    bytes.append("data: ")
    bytes += PlainBody.error("the model ran into a scripted error", type: "server_error", code: "internal_error")
    lines.finish(&bytes)
  }

  func appendMalformed(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: openings[0])
    bytes.append("{\"content\":\"the quote is missing}")
    lines.finish(&bytes)
  }
}
