/// Every event of a scripted stream, as a function: nothing is kept but the parts that all events share.
///
/// A stream is a sequence of items: a dialect's tokens and frames, with what the fault puts between or in place of them.
public struct StreamPlan: Sendable {
  /// Which endpoint's language the events speak.
  public enum Endpoint: Sendable, Hashable {
    /// `/v1/chat/completions`.
    case chat
    /// `/v1/completions`: text without roles, refusals or tools, and reasoning only between tags.
    case completions
    /// `/v1/messages`: Anthropic's own.
    case messages
    /// `/v1/responses`: OpenAI's own.
    case responses
    /// `/v1/models/{model}:streamGenerateContent`: Gemini's own.
    case gemini
  }

  enum Item: Equatable {
    case token(Int)
    case frame(Int)
    /// Half of what stands at that index of the layout.
    case half(Int)
    case malformed
    case errorEvent
    case noChunk
  }

  /// How the answer goes on after its last item.
  enum Ending: Equatable {
    case complete
    case close
    case reset
    case stall
  }

  /// The script it was made from.
  public let script: Script
  /// The model's name as it was asked for and is answered.
  public let model: String
  /// The endpoint.
  public let endpoint: Endpoint
  /// How many reasoning tokens each choice would have without a fault.
  public let reasoningCount: Int
  /// How many answer tokens each choice would have without a fault.
  public let contentCount: Int
  /// What usage tells, whether or not this stream comes to it.
  public let truth: UsageTruth

  let ending: Ending
  let itemCount: Int
  let dialect: any Dialect
  let layout: Layout
  /// How many items of the layout stand before the fault.
  private let cut: Int
  private let inserted: Item?

  /// Plans a stream.
  ///
  /// - Parameters:
  ///   - includeUsage: whether the request asked for usage (`stream_options.include_usage`).
  ///   - continuousUsage: whether it asked for running counts too (`stream_options.continuous_usage_stats`).
  ///   - choices: the request's `n`; a script's `choices` counts more, and without a provider it counts nothing.
  public init(
    _ script: Script, model: String, includeUsage: Bool, endpoint: Endpoint = .chat, continuousUsage: Bool = false,
    choices: Int = 1
  ) {
    self.script = script
    self.model = model
    self.endpoint = endpoint
    let asked = script.provider == .standard ? 1 : min(max(1, choices), Script.choicesMax)
    let hasChoices = endpoint != .messages && endpoint != .responses
    let transcript = Transcript(
      script, model: model, endpoint: endpoint, choices: hasChoices ? script.choices ?? asked : 1)
    reasoningCount = transcript.thoughtCount
    contentCount = transcript.contentCount
    truth = UsageTruth(
      script, tokenEvents: transcript.tokenCount, reasoningEvents: transcript.thoughtCount * transcript.choices)

    let context = ChatShape.Context(
      model: model, isChat: endpoint == .chat, isWhole: false, asksUsage: includeUsage,
      asksRunning: continuousUsage && includeUsage)
    dialect =
      switch endpoint {
      case .chat, .completions: ChatDialect(transcript, truth, script, context)
      case .messages: MessagesDialect(transcript, truth, script, context)
      case .responses: ResponsesDialect(transcript, truth, script, context)
      case .gemini: GeminiDialect(transcript, truth, script, context)
      }
    layout = dialect.layout

    cut = Self.cut(script, layout)
    switch script.fault {
    case .malformed: (inserted, itemCount) = (.malformed, layout.count + 1)
    case .errorEvent: (inserted, itemCount) = (.errorEvent, cut + 1 + dialect.framesAfterError.count)
    case .truncate: (inserted, itemCount) = (.half(cut), cut + 1)
    case .badFraming: (inserted, itemCount) = (.noChunk, cut + 1)
    case .reset, .close, .stall, .endEarly: (inserted, itemCount) = (nil, cut)
    default: (inserted, itemCount) = (nil, layout.count)
    }
    ending =
      switch script.fault {
      case .reset: .reset
      case .stall, .badFraming: .stall
      case .close, .truncate: .close
      default: .complete
      }
  }

  /// How many items stand before the script's fault.
  private static func cut(_ script: Script, _ layout: Layout) -> Int {
    let isHalf = script.fault == .truncate
    if let events = script.afterEvents { return min(events, isHalf ? max(0, layout.count - 1) : layout.count) }
    if isHalf {
      // The half that is sent is half a token, if there is any.
      guard layout.tokenCount > 0 else { return min(layout.leadingCount, max(0, layout.count - 1)) }
      return layout.index(ofToken: min(script.after, layout.tokenCount - 1))
    }
    let tokens = min(script.after, layout.tokenCount)
    return tokens == 0 ? layout.leadingCount : layout.index(ofToken: tokens - 1) + 1
  }

  /// The item at `index`, which counts from 0 to `itemCount`.
  func item(_ index: Int) -> Item {
    var position = index
    if let inserted {
      if index == cut { return inserted }
      if index > cut {
        position -= 1
        if script.fault == .errorEvent { return .frame(dialect.framesAfterError[position - cut]) }
      }
    }
    switch layout.item(position) {
    case .frame(let frame): return .frame(frame)
    case .token(let token): return .token(token)
    }
  }

  /// Whether the item waits for its time; the others follow at once.
  func isPaced(_ index: Int) -> Bool {
    switch item(index) {
    case .token, .half, .malformed, .errorEvent: true
    case .frame, .noChunk: false
    }
  }

  /// How many tokens (reasoning, answer, refusal, tool calls; of all choices) the stream sends.
  public var tokenCount: Int { tokens(before: itemCount) }
  /// How many events the stream sends, of any kind: `afterEvents` counts them.
  public var eventCount: Int { itemCount }

  /// How many of the tokens stand before the item at `index`.
  func tokens(before index: Int) -> Int {
    guard inserted != nil, index > cut else { return layout.tokens(before: index) }
    return layout.tokens(before: script.fault == .malformed ? index - 1 : cut)
  }

  func append(_ index: Int, to bytes: inout [UInt8]) {
    if index == 0 && script.bom { bytes.append(contentsOf: [0xEF, 0xBB, 0xBF]) }
    switch item(index) {
    case .token(let token):
      if script.comments > 0, token > 0, token % script.comments == 0 { dialect.lines.appendComment(to: &bytes) }
      dialect.appendToken(token, to: &bytes)
    case .frame(let frame): dialect.appendFrame(frame, to: &bytes)
    case .half(let index):
      guard index < layout.count else { return }
      switch layout.item(index) {
      case .frame(let frame): dialect.appendFrame(frame, to: &bytes)
      case .token(let token): dialect.appendToken(token, to: &bytes)
      }
    case .malformed: dialect.appendMalformed(to: &bytes)
    case .errorEvent: dialect.appendError(to: &bytes)
    case .noChunk: break
    }
  }
}

extension StreamPlan {
  /// The stream's length without framing, in bytes.
  var byteCount: Int {
    var bytes: [UInt8] = []
    return (0..<itemCount).reduce(0) { sum, index in
      bytes.removeAll(keepingCapacity: true)
      append(index, to: &bytes)
      return sum + bytes.count
    }
  }
}
