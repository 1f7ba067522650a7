/// An output item of `/v1/responses`: reasoning, a message, or a function call.
struct ResponseItem: Sendable {
  /// A part of an item: a summary, a text, a refusal, or a function's arguments.
  struct Part: Sendable {
    enum Kind: Equatable {
      case summary
      case text
      case refusal
      case arguments

      /// The type of the events that begin and end a part, up to `added` or `done`.
      var partType: String {
        self == .summary ? "response.reasoning_summary_part." : "response.content_part."
      }
    }

    let kind: Kind
    /// Which of its item's parts it is, from 0.
    let index: Int
    var segments: [Transcript.Segment]

    func contains(_ token: Int) -> Bool { segments.contains { $0.steps.contains(token) } }

    /// The member that says where in the item it stands, with a comma at its end.
    var place: String {
      switch kind {
      case .summary: "\"summary_index\":\(index),"
      case .text, .refusal: "\"content_index\":\(index),"
      case .arguments: ""
      }
    }

    private var type: String {
      switch kind {
      case .summary: "response.reasoning_summary_text"
      case .text: "response.output_text"
      case .refusal: "response.refusal"
      case .arguments: "response.function_call_arguments"
      }
    }

    var deltaType: String { type + ".delta" }
    var doneType: String { type + ".done" }
    /// What the member with the text is called.
    var textName: String { kind == .refusal ? "refusal" : "text" }

    /// Appends the part as an object, without its text until it is done.
    func append(_ transcript: Transcript, isDone: Bool, to bytes: inout [UInt8]) {
      switch kind {
      case .summary: bytes.append("{\"type\":\"summary_text\",\"text\":\"")
      case .refusal: bytes.append("{\"type\":\"refusal\",\"refusal\":\"")
      case .text, .arguments: bytes.append("{\"type\":\"output_text\",\"annotations\":[],\"text\":\"")
      }
      if isDone { appendText(transcript, to: &bytes) }
      bytes.append("\"}")
    }

    func appendText(_ transcript: Transcript, to bytes: inout [UInt8]) {
      for segment in segments { transcript.append(segment, choice: 0, to: &bytes) }
    }
  }

  /// Which of the answer's items it is, from 0.
  let index: Int
  /// The tool call that it is, if it is one.
  let tool: Int?
  var parts: [Part]

  func contains(_ token: Int) -> Bool { parts.contains { $0.contains(token) } }

  private var isReasoning: Bool { parts.first?.kind == .summary }

  /// The item's id.
  var id: String { "\(tool != nil ? "fc" : isReasoning ? "rs" : "msg")_scripted_\(index)" }

  /// The items of an answer.
  static func items(of transcript: Transcript) -> [ResponseItem] {
    var items: [ResponseItem] = []
    for segment in transcript.segments {
      let kind: Part.Kind
      var tool: Int?
      switch segment.kind {
      case .thoughts where transcript.tellsReasoning: kind = .summary
      case .tool(let call): (kind, tool) = (.arguments, call)
      case .refusal: kind = .refusal
      default: kind = .text
      }
      let isMessage = kind == .text || kind == .refusal
      if isMessage, var last = items.last, last.tool == nil, !last.isReasoning {
        if kind == .text, last.parts.last?.kind == .text {
          last.parts[last.parts.count - 1].segments.append(segment)
        } else {
          last.parts.append(Part(kind: kind, index: last.parts.count, segments: [segment]))
        }
        items[items.count - 1] = last
      } else {
        let part = Part(kind: kind, index: 0, segments: [segment])
        items.append(ResponseItem(index: items.count, tool: tool, parts: [part]))
      }
    }
    return items
  }

  /// Appends the item as an object, without what it says until it is done.
  func append(_ transcript: Transcript, isDone: Bool, to bytes: inout [UInt8]) {
    let status = isDone ? "completed" : "in_progress"
    if let tool {
      let call = transcript.tools[tool]
      bytes.append("{\"id\":\"\(id)\",\"type\":\"function_call\",\"status\":\"\(status)\",\"call_id\":\"\(call.id)\",")
      bytes.append("\"name\":\"\(call.name)\",\"arguments\":\"")
      if isDone { transcript.wording.append(call.arguments, to: &bytes) }
      return bytes.append("\"}")
    }
    bytes.append(
      isReasoning
        ? "{\"id\":\"\(id)\",\"type\":\"reasoning\",\"summary\":["
        : "{\"id\":\"\(id)\",\"type\":\"message\",\"status\":\"\(status)\",\"role\":\"assistant\",\"content\":[")
    if isDone {
      for part in parts {
        if part.index > 0 { bytes.append(",") }
        part.append(transcript, isDone: true, to: &bytes)
      }
    }
    bytes.append("]}")
  }
}
