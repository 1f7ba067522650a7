public import ScriptedUpstream

/// What a client makes of an answer's events: the text of every channel, read from the endpoint's own words and with no
/// knowledge of what was scripted.
public struct ReceivedText: Sendable {
  private let endpoint: StreamPlan.Endpoint
  private var channels = ChannelTexts()
  /// The tool calls of `/v1/messages` and `/v1/responses` by the index of their block or item, in their order.
  private var calls: [Int] = []
  /// Gemini's tool calls so far, by choice.
  private var callCounts: [Int: Int] = [:]

  /// Nothing yet.
  public init(_ endpoint: StreamPlan.Endpoint) { self.endpoint = endpoint }

  /// The texts, each channel where it first spoke.
  public var texts: [ChannelText] { channels.texts }

  /// The texts that all whole events in `bytes`, the body of a stream, have brought. What is not JSON is passed over.
  public static func texts(_ bytes: [UInt8], _ endpoint: StreamPlan.Endpoint) -> [ChannelText] {
    var received = ReceivedText(endpoint)
    for payload in payloads(bytes) {
      if let event = try? JSONTree(payload) { received.read(event) }
    }
    return received.texts
  }

  /// The data of the whole events in `bytes`, with whatever line ends.
  public static func payloads(_ bytes: [UInt8]) -> [[UInt8]] {
    var payloads: [[UInt8]] = []
    var data: [UInt8]?
    var line: [UInt8] = []
    var hasReturn = false
    for byte in bytes.dropFirst(bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0) {
      if byte == 10 && hasReturn {
        hasReturn = false
        continue
      }
      hasReturn = byte == 13
      guard byte == 10 || byte == 13 else {
        line.append(byte)
        continue
      }
      if line.isEmpty, let whole = data {
        payloads.append(whole)
        data = nil
      } else if line.starts(with: "data:".utf8) {
        data = Array(line.dropFirst(line.dropFirst(5).first == 32 ? 6 : 5))
      }
      line = []
    }
    return payloads
  }

  /// Reads an event's data.
  public mutating func read(_ event: JSONTree) {
    switch endpoint {
    case .chat: readChunk(event, text: "delta")
    case .completions: readChunk(event, text: nil)
    case .messages: readMessageEvent(event)
    case .responses: readResponseEvent(event)
    case .gemini: readGemini(event)
    }
  }

  private mutating func readChunk(_ event: JSONTree, text: String?) {
    for choice in event["choices"]?.elements ?? [] {
      let index = choice["index"]?.int ?? 0
      guard let text else {
        channels.append(index, .content, choice["text"]?.units ?? [])
        continue
      }
      let delta = choice[text]
      for (name, channel) in [
        ("reasoning_content", ChannelText.Channel.reasoning), ("reasoning", .reasoning), ("content", .content),
        ("refusal", .refusal),
      ] {
        channels.append(index, channel, delta?[name]?.units ?? [])
      }
      for call in delta?["tool_calls"]?.elements ?? [] {
        let tool = call["index"]?.int ?? 0
        channels.append(index, .toolName(tool), call["function"]?["name"]?.units ?? [])
        channels.append(index, .toolArguments(tool), call["function"]?["arguments"]?.units ?? [])
      }
    }
  }

  private mutating func readMessageEvent(_ event: JSONTree) {
    let index = event["index"]?.int ?? 0
    if let block = event["content_block"], block["type"]?.string == "tool_use" {
      calls.append(index)
      channels.append(0, .toolName(calls.count - 1), block["name"]?.units ?? [])
    }
    guard let delta = event["delta"] else { return }
    channels.append(0, .content, delta["text"]?.units ?? [])
    channels.append(0, .reasoning, delta["thinking"]?.units ?? [])
    channels.append(0, .toolArguments(calls.firstIndex(of: index) ?? 0), delta["partial_json"]?.units ?? [])
  }

  private mutating func readResponseEvent(_ event: JSONTree) {
    let index = event["output_index"]?.int ?? 0
    let delta = event["delta"]?.units ?? []
    switch event["type"]?.string {
    case "response.output_item.added" where event["item"]?["type"]?.string == "function_call":
      calls.append(index)
      channels.append(0, .toolName(calls.count - 1), event["item"]?["name"]?.units ?? [])
    case "response.output_text.delta": channels.append(0, .content, delta)
    case "response.reasoning_summary_text.delta": channels.append(0, .reasoning, delta)
    case "response.refusal.delta": channels.append(0, .refusal, delta)
    case "response.function_call_arguments.delta":
      channels.append(0, .toolArguments(calls.firstIndex(of: index) ?? 0), delta)
    default: break
    }
  }

  private mutating func readGemini(_ event: JSONTree) {
    for candidate in event["candidates"]?.elements ?? [] {
      let index = candidate["index"]?.int ?? 0
      for part in candidate["content"]?["parts"]?.elements ?? [] {
        let isThought = part["thought"] == .bool(true)
        channels.append(index, isThought ? .reasoning : .content, part["text"]?.units ?? [])
        guard let call = part["functionCall"], case .object(_, let text)? = call["args"] else { continue }
        let tool = callCounts[index, default: 0]
        callCounts[index] = tool + 1
        channels.append(index, .toolName(tool), call["name"]?.units ?? [])
        channels.append(index, .toolArguments(tool), Array(String(decoding: text, as: UTF8.self).utf16))
      }
    }
  }
}
