/// The bytes that a stream's events are put together from. Rendered once a plan, copied once an event: no JSON is
/// built while a stream runs.
struct EventParts: Sendable {
  let lineEnd: [UInt8]
  var usageJSON: String { usage.json }
  private let script: Script
  private let endpoint: StreamPlan.Endpoint
  private let voice: Voice
  private let usage: UsageText
  /// From `data: ` to where the choice's delta or text begins.
  private let opening: [UInt8]
  /// From `data: ` to the choices.
  private let envelope: [UInt8]
  private let contentBefore: [UInt8]
  private let reasoningBefore: [UInt8]
  private let contentAfter: [UInt8]
  private let reasoningAfter: [UInt8]
  private let closing: [UInt8]
  private let nullUsage: String
  private let tellsReasoning: Bool
  private let filler: [UInt8]

  init(
    script: Script, model: String, endpoint: StreamPlan.Endpoint, voice: Voice, tellsReasoning: Bool,
    nullUsage: Bool, usage: UsageText
  ) {
    self.script = script
    self.endpoint = endpoint
    self.voice = voice
    self.usage = usage
    filler = if case .big(let count) = script.text { Array(repeating: UInt8(ascii: "x"), count: count) } else { [] }
    self.tellsReasoning = tellsReasoning
    self.nullUsage = nullUsage ? ",\"usage\":null" : ""
    lineEnd =
      switch script.lineEnd {
      case .lf: [10]
      case .crlf: [13, 10]
      case .cr: [13]
      }
    let isChat = endpoint == .chat
    var envelope: [UInt8] = []
    envelope.append("data: ")
    envelope.append(
      Self.head(model: model, object: isChat ? "chat.completion.chunk" : "text_completion", isChat: isChat))
    envelope.append(",\"choices\":[")
    self.envelope = envelope
    opening = envelope + Array((isChat ? "{\"index\":0,\"delta\":" : "{\"index\":0,\"text\":").utf8)
    // A reasoning model names both fields in every delta, the silent one as null (api.deepseek.com).
    contentBefore = Array((isChat ? "{\"content\":\"" : "\"").utf8)
    contentAfter = Array((isChat ? (tellsReasoning ? "\",\"reasoning_content\":null}" : "\"}") : "\"").utf8)
    reasoningBefore = Array("{\"content\":null,\"reasoning_content\":\"".utf8)
    reasoningAfter = Array("\"}".utf8)
    closing = Array(",\"logprobs\":null,\"finish_reason\":null}]\(self.nullUsage)}".utf8) + lineEnd + lineEnd
  }

  /// The members that all objects of one answer begin with, without the closing brace.
  static func head(model: String, object: String, isChat: Bool) -> String {
    var name: [UInt8] = []
    name.appendQuoted(model)
    let quoted = String(decoding: name, as: UTF8.self)
    let mark = String(CRC32.of(Array(model.utf8)), radix: 16)
    return "{\"id\":\"\(isChat ? "chatcmpl" : "cmpl")-scripted-\(mark)-0001\",\"object\":\"\(object)\","
      + "\"created\":1735689600,\"model\":\(quoted),\"system_fingerprint\":\"fp_\(mark)\""
  }

  // MARK: Tokens

  func appendContentText(_ token: Int, to bytes: inout [UInt8]) {
    appendText(voice.content(token), token, to: &bytes)
  }

  func appendReasoningText(_ token: Int, to bytes: inout [UInt8]) {
    appendText(voice.reasoning(token), token, to: &bytes)
  }

  func appendContent(_ token: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: opening)
    bytes.append(contentsOf: contentBefore)
    appendContentText(token, to: &bytes)
    bytes.append(contentsOf: contentAfter)
    bytes.append(contentsOf: closing)
  }

  func appendReasoning(_ token: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: opening)
    bytes.append(contentsOf: reasoningBefore)
    appendReasoningText(token, to: &bytes)
    bytes.append(contentsOf: reasoningAfter)
    bytes.append(contentsOf: closing)
  }

  func appendTool(_ event: Int, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: opening)
    bytes.append(contentsOf: ToolCall.delta(event))
    bytes.append(contentsOf: closing)
  }

  private func appendText(_ word: String, _ token: Int, to bytes: inout [UInt8]) {
    if case .big(let count) = script.text {
      // From a filler in one piece: a gigabyte of such events must not be the bottleneck, not even in a debug build.
      let number = Self.bigNumber(token)
      bytes.append(number)
      bytes.append(contentsOf: filler[..<max(0, count - number.utf8.count)])
      return
    }
    let text = Self.styled(word, token, script.text)
    if script.text == .escaped { bytes.appendEscapedASCII(text) } else { bytes.appendEscaped(text) }
  }

  private static let emoji = ["🌊", "é", "漢字", "👩‍🚀", "🇫🇷", "👍🏽", "Ωß", "👨‍👩‍👧‍👦", "한"]

  private static func bigNumber(_ token: Int) -> String { " [\(token)] " }

  /// `word` in the script's style.
  static func styled(_ word: String, _ token: Int, _ style: Script.Text) -> String {
    switch style {
    case .plain: return word
    case .emoji, .escaped: return word + emoji[token % emoji.count]
    case .big(let count):
      let number = bigNumber(token)
      return number + String(repeating: "x", count: max(0, count - number.utf8.count))
    }
  }

  // MARK: What is not a token

  func appendRole(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: opening)
    bytes.append(
      tellsReasoning
        ? "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\"}"
        : "{\"role\":\"assistant\",\"content\":\"\"}")
    bytes.append(contentsOf: closing)
  }

  func appendFinish(_ reason: String, withUsage: Bool, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: opening)
    switch endpoint {
    case .completions: bytes.append("\"\"")
    case .chat: bytes.append(tellsReasoning ? "{\"content\":\"\",\"reasoning_content\":null}" : "{}")
    }
    bytes.append(",\"logprobs\":null,\"finish_reason\":\"\(reason)\"}]")
    bytes.append(withUsage ? ",\"usage\":\(usage.json)}" : "\(nullUsage)}")
    end(&bytes)
  }

  func appendUsage(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: envelope)
    bytes.append("],\"usage\":\(usage.json)}")
    end(&bytes)
  }

  func appendDone(to bytes: inout [UInt8]) {
    bytes.append("data: [DONE]")
    end(&bytes)
  }

  func appendMalformed(to bytes: inout [UInt8]) {
    bytes.append(contentsOf: opening)
    bytes.append("{\"content\":\"the quote is missing}")
    end(&bytes)
  }

  func appendError(to bytes: inout [UInt8]) {
    bytes.append("data: ")
    bytes += PlainBody.error("the model ran into a scripted error", type: "server_error", code: "internal_error")
    end(&bytes)
  }

  func appendComment(to bytes: inout [UInt8]) {
    bytes.append(": keep-alive")
    end(&bytes)
  }

  private func end(_ bytes: inout [UInt8]) {
    bytes.append(contentsOf: lineEnd)
    bytes.append(contentsOf: lineEnd)
  }
}
