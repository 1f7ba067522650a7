/// Gemini's own endpoint, `/v1/models/{model}:streamGenerateContent` and `:generateContent` (ai.google.dev/api,
/// GenerateContentResponse): each chunk is an answer of its own, with counts of all that has come so far. Counts of zero
/// are left out. A tool call comes whole, in one token. Streams are always events, as with `alt=sse`; no `[DONE]` ends them.
struct GeminiDialect: Dialect {
  let transcript: Transcript
  let lines: EventLines
  let layout: Layout
  let framesAfterError: [Int] = []
  let truth: UsageTruth
  let tellsUsage: Bool
  let lacksFinish: Bool
  private let quotedModel: String

  init(_ transcript: Transcript, _ truth: UsageTruth, _ script: Script, _ context: ChatShape.Context) {
    self.transcript = transcript
    self.truth = truth
    lines = EventLines(script.lineEnd)
    tellsUsage = script.usage != .never
    lacksFinish = script.fault == .noFinish
    quotedModel = context.quotedModel
    var layout = Layout()
    layout.append(frames: 0, tokens: transcript.tokenCount)
    // The frames are the choices' ends.
    layout.append(frames: lacksFinish ? 0 : transcript.choices, tokens: 0)
    self.layout = layout
  }

  /// The counts as Gemini writes them; the answer's leave out the thoughts.
  static func usageMetadata(_ truth: UsageTruth) -> String {
    var members = "\"promptTokenCount\":\(truth.prompt)"
    let candidates = max(0, truth.completion - truth.reasoning)
    if candidates > 0 { members += ",\"candidatesTokenCount\":\(candidates)" }
    members += ",\"totalTokenCount\":\(truth.total)"
    if truth.cached > 0 { members += ",\"cachedContentTokenCount\":\(truth.cached)" }
    if truth.reasoning > 0 { members += ",\"thoughtsTokenCount\":\(truth.reasoning)" }
    return "{\(members)}"
  }

  // MARK: Tokens

  func appendToken(_ token: Int, to bytes: inout [UInt8]) {
    let (choice, part) = transcript.part(token)
    lines.begin(nil, &bytes)
    bytes.append("{\"candidates\":[{\"content\":{\"parts\":[")
    if case .tool(let call, _) = part {
      append(transcript.tools[call], to: &bytes)
    } else {
      appendPart(isThought: isThought(part), to: &bytes) { transcript.append(part, choice: choice, to: &$0) }
    }
    bytes.append("],\"role\":\"model\"},\"index\":\(choice)}]")
    appendTail(running(token + 1), to: &bytes)
    lines.finish(&bytes)
  }

  private func isThought(_ part: Transcript.Part) -> Bool {
    guard transcript.tellsReasoning, case .thought = part else { return false }
    return true
  }

  func append(_ tool: ToolCall, to bytes: inout [UInt8]) {
    bytes.append("{\"functionCall\":{\"name\":\"\(tool.name)\",\"args\":\(tool.arguments)}}")
  }

  func appendPart(isThought: Bool, to bytes: inout [UInt8], _ text: (inout [UInt8]) -> Void) {
    bytes.append("{\"text\":\"")
    text(&bytes)
    bytes.append(isThought ? "\",\"thought\":true}" : "\"}")
  }

  /// What follows the candidates.
  func appendTail(_ truth: UsageTruth, to bytes: inout [UInt8]) {
    if tellsUsage { bytes.append(",\"usageMetadata\":\(Self.usageMetadata(truth))") }
    bytes.append(",\"modelVersion\":\(quotedModel),\"responseId\":\"scripted-0001\"}")
  }

  private func running(_ tokens: Int) -> UsageTruth {
    let thoughts = transcript.thoughts(among: tokens)
    let allThoughts = transcript.thoughtSteps.count * transcript.choices
    return truth.running(
      reasoning: (thoughts, of: allThoughts),
      others: (tokens - thoughts, of: transcript.tokenCount - allThoughts))
  }

  // MARK: What is not a token

  func appendFrame(_ frame: Int, to bytes: inout [UInt8]) {
    lines.begin(nil, &bytes)
    bytes.append("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},")
    bytes.append("\"finishReason\":\"\(finishReason)\",\"index\":\(frame)}]")
    appendTail(truth, to: &bytes)
    lines.finish(&bytes)
  }

  func appendError(to bytes: inout [UInt8]) {
    lines.append(
      data: "{\"error\":{\"code\":503,\"message\":\"the model ran into a scripted error\",\"status\":\"UNAVAILABLE\"}}",
      to: &bytes)
  }

  var finishReason: String { transcript.refusalCount > 0 ? "SAFETY" : "STOP" }
}
