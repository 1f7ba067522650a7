/// Answers of four endpoints, written out; each tells a usage of 1,000 tokens and 500 more.
enum AnswerSample: String, CaseIterable, Sendable {
  case chat, messages, responses, embeddings

  /// The endpoints that can stream.
  static let streaming = [AnswerSample.chat, .messages, .responses]
  static let totalTokens = 1_500

  var path: String {
    switch self {
    case .chat: "/v1/chat/completions"
    case .messages: "/v1/messages"
    case .responses: "/v1/responses"
    case .embeddings: "/v1/embeddings"
    }
  }

  /// A request; that for embeddings knows no stream.
  func request(stream: Bool, usage: Bool = false) -> String {
    let options = usage ? #","stream_options":{"include_usage":true}"# : ""
    let tail = self != .embeddings && stream ? #","stream":true\#(options)}"# : "}"
    return switch self {
    case .chat: #"{"model":"m","messages":[{"role":"user","content":"hi"}]"# + tail
    case .messages: #"{"model":"m","max_tokens":900,"messages":[{"role":"user","content":"hi"}]"# + tail
    case .responses, .embeddings: #"{"model":"m","input":"hi""# + tail
    }
  }

  // MARK: Whole answers

  static let chatUsage = #""usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}"#
  static let inputUsage = #""usage":{"input_tokens":1000,"output_tokens":500,"total_tokens":1500}"#

  /// An answer in one piece.
  var whole: String {
    switch self {
    case .chat: Self.wholeChat("fine")
    case .messages:
      #"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"fine"}],"#
        + #""stop_reason":"end_turn","usage":{"input_tokens":1000,"output_tokens":500}}"#
    case .responses:
      #"{"id":"resp_1","object":"response","created_at":1,"status":"completed","error":null,"model":"m","output":"#
        + #"[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":"#
        + #"[{"type":"output_text","text":"fine","annotations":[]}]}],\#(Self.inputUsage)}"#
    case .embeddings: Self.wholeEmbeddings("0.25,0.5")
    }
  }

  static func wholeChat(_ text: String) -> String {
    #"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":"#
      + #"{"role":"assistant","content":"\#(text)"},"finish_reason":"stop"}],\#(chatUsage)}"#
  }

  static func wholeEmbeddings(_ numbers: String) -> String {
    #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[\#(numbers)]}],"model":"m","#
      + #""usage":{"prompt_tokens":1500,"total_tokens":1500}}"#
  }

  // MARK: Streams

  /// The events before any content.
  var beginnings: [String] {
    switch self {
    case .chat, .embeddings: [Self.chunk(#"{"role":"assistant","content":""}"#)]
    case .messages:
      [
        Self.event(
          "message_start",
          #""message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"#
            + #""stop_reason":null,"usage":{"input_tokens":1000,"output_tokens":1}}"#), Self.ping,
      ]
    case .responses:
      [
        Self.event("response.created", #""sequence_number":0,"response":\#(Self.openResponse)"#),
        Self.event("response.in_progress", #""sequence_number":1,"response":\#(Self.openResponse)"#),
      ]
    }
  }

  /// The events that bring the answer's text.
  var contents: [String] {
    switch self {
    case .chat, .embeddings: [Self.chunk(#"{"content":"fine"}"#)]
    case .messages:
      [
        Self.event("content_block_start", #""index":0,"content_block":{"type":"text","text":""}"#),
        Self.event("content_block_delta", #""index":0,"delta":{"type":"text_delta","text":"fine"}"#),
      ]
    case .responses:
      [
        Self.event(
          "response.output_item.added",
          #""sequence_number":2,"output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","#
            + #""status":"in_progress","content":[]}"#),
        Self.event(
          "response.output_text.delta",
          #""sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"fine""#),
      ]
    }
  }

  /// The events that end the answer; the usage chunk of a chat is among them.
  var endings: [String] {
    switch self {
    case .chat, .embeddings: [Self.chunk("{}", finish: #""stop""#), Self.usageChunk, Self.done]
    case .messages:
      [
        Self.event("content_block_stop", #""index":0"#),
        Self.event(
          "message_delta", #""delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":500}"#),
        Self.event("message_stop"),
      ]
    case .responses:
      [
        Self.event(
          "response.completed",
          #""sequence_number":4,"response":{"id":"resp_1","object":"response","created_at":1,"status":"completed","#
            + #""error":null,"model":"m","output":[],\#(Self.inputUsage)}"#)
      ]
    }
  }

  /// A whole stream.
  var events: [String] { beginnings + contents + endings }

  /// What a client that did not ask for usage gets of it.
  var delivered: String { events.filter { $0 != Self.usageChunk }.joined() }

  /// The answer as an upstream sends it.
  func good(stream: Bool) -> [SteppedUpstream.Step] {
    stream && self != .embeddings ? .chunked([events.joined()]) : .answer(whole)
  }

  /// The answer as the client gets it.
  func goodBody(stream: Bool) -> String { stream && self != .embeddings ? delivered : whole }

  // MARK: Events

  static let done = "data: [DONE]\n\n"
  static let usageChunk =
    "data: " + #"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],\#(chatUsage)}"#
    + "\n\n"
  static let ping = event("ping")

  /// A chunk of a chat stream; `finish` is JSON.
  static func chunk(_ delta: String, finish: String = "null") -> String {
    #"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":"#
      + #"[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"# + "\n\n"
  }

  /// An event that tells its type twice.
  static func event(_ type: String, _ members: String = "") -> String {
    "event: \(type)\ndata: {\"type\":\"\(type)\"\(members.isEmpty ? "" : ",")\(members)}\n\n"
  }

  private static let openResponse =
    #"{"id":"resp_1","object":"response","created_at":1,"status":"in_progress","error":null,"model":"m","output":[]}"#
}
