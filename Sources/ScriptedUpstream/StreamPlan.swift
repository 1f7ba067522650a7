/// Every event of a scripted stream, as a function: nothing is kept but the parts that all events share.
///
/// A stream is a sequence of items. Item 0 is the role, then come the tokens (reasoning, answer, tool calls) with what
/// the fault puts between or in place of them, then what ends a stream.
public struct StreamPlan: Sendable {
  /// Which dialect the events speak.
  public enum Endpoint: Sendable, Hashable {
    /// `/v1/chat/completions`.
    case chat
    /// `/v1/completions`: text without roles, reasoning or tools.
    case completions
  }

  enum Item: Equatable {
    case role
    case token(Int)
    case half(Int)
    case malformed
    case errorEvent
    case noChunk
    case finish
    case usage
    case done
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
  /// The dialect.
  public let endpoint: Endpoint
  /// How many reasoning tokens there would be without a fault.
  public let reasoningCount: Int
  /// How many answer tokens there would be without a fault.
  public let contentCount: Int

  let ending: Ending
  let itemCount: Int
  let parts: EventParts
  private let leading: Int
  private let insertedAt: Int?
  private let inserted: Item?
  private let tokensSent: Int
  private let tail: [Item]

  /// Plans a stream.
  ///
  /// - Parameter includeUsage: whether the request asked for usage (`stream_options.include_usage`).
  public init(_ script: Script, model: String, includeUsage: Bool, endpoint: Endpoint = .chat) {
    self.script = script
    self.model = model
    self.endpoint = endpoint
    let voice = Voice.of(model: model)
    let isChat = endpoint == .chat
    reasoningCount = isChat ? script.reasoningEvents ?? voice.reasoningDefault : 0
    contentCount = script.events ?? (isChat && script.toolCalls > 0 ? 0 : voice.words.count)
    let tokens = reasoningCount + contentCount + (isChat ? script.toolCalls * ToolCall.eventCount : 0)

    let tellsUsage: Bool =
      switch script.usage {
      case .onRequest, .nullEach: includeUsage
      case .always: true
      case .never, .onFinish: false
      }
    parts = EventParts(
      script: script, model: model, endpoint: endpoint, voice: voice,
      tellsReasoning: reasoningCount > 0, nullUsage: script.usage == .nullEach && includeUsage,
      usage: UsageText(
        prompt: script.promptTokens, completion: tokens, reasoning: reasoningCount))

    let fault = script.fault
    let cut = min(script.after, fault == .truncate ? max(0, tokens - 1) : tokens)
    tokensSent = fault.cutsTokens ? cut : tokens
    leading = isChat ? 1 : 0
    ending =
      switch fault {
      case .reset: .reset
      case .stall, .badFraming: .stall
      case .close, .truncate: .close
      default: .complete
      }
    switch fault {
    case .malformed: (insertedAt, inserted) = (cut, .malformed)
    case .truncate: (insertedAt, inserted) = (cut, .half(cut))
    case .errorEvent: (insertedAt, inserted) = (cut, .errorEvent)
    case .badFraming: (insertedAt, inserted) = (cut, .noChunk)
    default: (insertedAt, inserted) = (nil, nil)
    }
    var tail: [Item] = []
    switch fault {
    case .reset, .stall, .badFraming, .close, .truncate, .endEarly: break
    case .errorEvent: tail = [.done]
    default:
      if fault != .noFinish { tail.append(.finish) }
      if tellsUsage { tail.append(.usage) }
      if fault != .noDone { tail.append(.done) }
    }
    self.tail = tail
    itemCount = leading + tokensSent + (inserted == nil ? 0 : 1) + tail.count
  }

  /// The item at `index`, which counts from 0 to `itemCount`.
  func item(_ index: Int) -> Item {
    if index < leading { return .role }
    var position = index - leading
    if let inserted, let insertedAt {
      if position == insertedAt { return inserted }
      if position > insertedAt { position -= 1 }
    }
    return position < tokensSent ? .token(position) : tail[position - tokensSent]
  }

  /// Whether the item waits for its time; the others follow at once.
  func isPaced(_ index: Int) -> Bool {
    switch item(index) {
    case .token, .half, .malformed, .errorEvent: true
    default: false
    }
  }

  /// How many tokens (reasoning, answer, tool calls) the stream sends.
  public var tokenCount: Int { tokensSent }

  func append(_ index: Int, to bytes: inout [UInt8]) {
    if index == 0 && script.bom { bytes.append(contentsOf: [0xEF, 0xBB, 0xBF]) }
    let item = item(index)
    if case .token(let token) = item, script.comments > 0, token > 0, token % script.comments == 0 {
      parts.appendComment(to: &bytes)
    }
    switch item {
    case .role: parts.appendRole(to: &bytes)
    case .token(let token), .half(let token): appendToken(token, to: &bytes)
    case .malformed: parts.appendMalformed(to: &bytes)
    case .errorEvent: parts.appendError(to: &bytes)
    case .noChunk: break
    case .finish:
      let reason = endpoint == .chat && script.toolCalls > 0 ? "tool_calls" : "stop"
      parts.appendFinish(reason, withUsage: script.usage == .onFinish, to: &bytes)
    case .usage: parts.appendUsage(to: &bytes)
    case .done: parts.appendDone(to: &bytes)
    }
  }

  private func appendToken(_ token: Int, to bytes: inout [UInt8]) {
    if token < reasoningCount {
      parts.appendReasoning(token, to: &bytes)
    } else if token < reasoningCount + contentCount {
      parts.appendContent(token - reasoningCount, to: &bytes)
    } else {
      parts.appendTool(token - reasoningCount - contentCount, to: &bytes)
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
