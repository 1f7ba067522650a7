/// What a scripted answer says, token by token, without regard to how a dialect writes it.
///
/// Every choice says the same steps with its own words: reasoning, content, refusal, tool calls. The choices take
/// turns: token t is step t / n of choice t mod n.
struct Transcript: Sendable {
  /// What one step says.
  enum Part: Equatable {
    /// A piece of a `<think>` or `</think>` tag.
    case tag(String)
    case thought(Int)
    case content(Int)
    case refusal(Int)
    /// Event `event` of the tool call `call`.
    case tool(call: Int, event: Int)
  }

  /// Steps that belong together.
  enum Kind: Equatable {
    case openTag
    case thoughts
    case closeTag
    case content
    case refusal
    case tool(Int)
  }

  /// Steps of one kind.
  struct Segment: Equatable {
    let kind: Kind
    let steps: Range<Int>
  }

  /// How many choices take turns.
  let choices: Int
  /// The steps in their order, without empty segments.
  let segments: [Segment]
  /// The tool calls.
  let tools: [ToolCall]
  /// Reasoning tokens of one choice.
  let thoughtCount: Int
  /// Answer tokens of one choice.
  let contentCount: Int
  /// Refusal tokens of one choice.
  let refusalCount: Int
  /// Whether reasoning has a field of its own.
  let tellsReasoning: Bool
  /// Where the steps of the reasoning are.
  let thoughtSteps: Range<Int>
  /// The text of the tokens.
  let wording: Wording
  private let tags: (open: [String], close: [String])
  private let toolsAreWhole: Bool
  private let refusalChannel: ChannelText.Channel

  /// The transcript of a script for an endpoint.
  init(_ script: Script, model: String, endpoint: StreamPlan.Endpoint, choices: Int) {
    wording = Wording(script, model: model)
    self.choices = max(1, choices)
    let isText = endpoint == .completions
    let isThinking = script.think != .apart
    tools =
      isText
      ? [] : (0..<script.toolCalls).map { ToolCall($0, script, splitsName: script.splitsNames && endpoint == .chat) }
    toolsAreWhole = endpoint == .gemini
    refusalCount = isText ? 0 : script.refusalEvents
    refusalChannel = endpoint == .chat || endpoint == .responses ? .refusal : .content
    thoughtCount = isText && !isThinking ? 0 : script.reasoningEvents ?? wording.voice.reasoningDefault
    contentCount = script.events ?? (tools.isEmpty && refusalCount == 0 ? wording.contentCount : 0)
    tellsReasoning = thoughtCount > 0 && !isThinking
    tags =
      switch script.think {
      case .apart: ([], [])
      case .whole: (["<think>"], ["</think>"])
      case .split: (["<thi", "nk>"], ["</th", "ink>"])
      }
    var kinds: [(Kind, Int)] = [
      (.openTag, tags.open.count), (.thoughts, thoughtCount), (.closeTag, tags.close.count),
      (.content, contentCount), (.refusal, refusalCount),
    ]
    for tool in tools { kinds.append((.tool(tool.index), toolsAreWhole ? 1 : tool.eventCount)) }
    var segments: [Segment] = []
    var start = 0
    for (kind, count) in kinds where count > 0 {
      segments.append(Segment(kind: kind, steps: start..<start + count))
      start += count
    }
    self.segments = segments
    thoughtSteps = segments.first { $0.kind == .thoughts }?.steps ?? 0..<0
  }

  /// Steps of one choice.
  var stepCount: Int { segments.last?.steps.upperBound ?? 0 }
  /// Tokens of all choices.
  var tokenCount: Int { stepCount * choices }

  /// Which choice token `token` belongs to, and what it says.
  func part(_ token: Int) -> (choice: Int, part: Part) {
    let (step, choice) = token.quotientAndRemainder(dividingBy: choices)
    for segment in segments where step < segment.steps.upperBound {
      let index = step - segment.steps.lowerBound
      switch segment.kind {
      case .openTag: return (choice, .tag(tags.open[index]))
      case .thoughts: return (choice, .thought(index))
      case .closeTag: return (choice, .tag(tags.close[index]))
      case .content: return (choice, .content(index))
      case .refusal: return (choice, .refusal(index))
      case .tool(let call): return (choice, .tool(call: call, event: index))
      }
    }
    return (choice, .content(contentCount))
  }

  /// Appends a part's text as the inside of a JSON string. A tool call has texts of its own.
  func append(_ part: Part, choice: Int, to bytes: inout [UInt8]) {
    switch part {
    case .tag(let tag): bytes.append(tag)
    case .thought(let index): wording.append(.reasoning, index, of: thoughtCount, choice: choice, to: &bytes)
    case .content(let index): wording.append(.content, index, of: contentCount, choice: choice, to: &bytes)
    case .refusal(let index): wording.append(.refusal, index, of: refusalCount, choice: choice, to: &bytes)
    case .tool: break
    }
  }

  /// Appends the whole text of a segment of one choice, as far as it fits an answer in one piece.
  func append(_ segment: Segment, choice: Int, to bytes: inout [UInt8]) {
    for step in segment.steps where bytes.count < PlainBody.bytesMax {
      append(part(step * choices + choice).part, choice: choice, to: &bytes)
    }
  }

  /// Tells `texts` what token `token` delivers.
  func deliver(_ token: Int, to texts: inout ChannelTexts) {
    let (choice, part) = part(token)
    switch part {
    case .tag(let tag): texts.append(choice, .content, Array(tag.utf16))
    case .thought(let index):
      texts.append(
        choice, tellsReasoning ? .reasoning : .content,
        wording.units(.reasoning, index, of: thoughtCount, choice: choice))
    case .content(let index):
      texts.append(choice, .content, wording.units(.content, index, of: contentCount, choice: choice))
    case .refusal(let index):
      texts.append(choice, refusalChannel, wording.units(.refusal, index, of: refusalCount, choice: choice))
    case .tool(let call, let event):
      let tool = tools[call]
      if toolsAreWhole {
        texts.append(choice, .toolName(call), Array(tool.name.utf16))
        texts.append(choice, .toolArguments(call), Array(tool.arguments.utf16))
      } else if event < tool.namePieces.count {
        texts.append(choice, .toolName(call), Array(tool.namePieces[event].utf16))
      } else {
        texts.append(choice, .toolArguments(call), tool.argumentPieces[event - tool.namePieces.count])
      }
    }
  }

  /// How many of the first `count` tokens are reasoning.
  func thoughts(among count: Int) -> Int {
    let (steps, rest) = count.quotientAndRemainder(dividingBy: choices)
    let whole = max(0, min(steps, thoughtSteps.upperBound) - thoughtSteps.lowerBound)
    return whole * choices + (thoughtSteps.contains(steps) ? rest : 0)
  }
}
