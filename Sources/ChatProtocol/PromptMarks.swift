/// What is known of an open part or item: its type may stand behind what it holds, so what it counts as is told at its end.
struct PartMarks: OptionSet {
  let rawValue: UInt16

  /// Its texts are thoughts.
  static let reasoning = PartMarks(rawValue: 1 << 0)
  /// It has a type.
  static let typed = PartMarks(rawValue: 1 << 1)
  /// By its type it is an image, a sound, a file.
  static let image = PartMarks(rawValue: 1 << 2)
  static let audio = PartMarks(rawValue: 1 << 3)
  static let file = PartMarks(rawValue: 1 << 4)
  /// It has the member that an image, a sound, a file has.
  static let imageMember = PartMarks(rawValue: 1 << 5)
  static let audioMember = PartMarks(rawValue: 1 << 6)
  static let fileMember = PartMarks(rawValue: 1 << 7)
  /// A small version of the image will do.
  static let low = PartMarks(rawValue: 1 << 8)
  /// Its source is text.
  static let plain = PartMarks(rawValue: 1 << 9)
  /// It is a tool call.
  static let call = PartMarks(rawValue: 1 << 10)
  /// It is what a tool gave.
  static let output = PartMarks(rawValue: 1 << 11)
  /// The list has shown that it is one prompt of tokens.
  static let begun = PartMarks(rawValue: 1 << 12)

  /// What a part counts as beside its texts.
  var pieceOfPart: PromptPiece? {
    if contains(.call) { return PromptPiece(.toolCall) }
    let isTyped = contains(.typed)
    if contains(isTyped ? .image : .imageMember) { return PromptPiece(contains(.low) ? .imageLow : .image) }
    if contains(isTyped ? .audio : .audioMember) { return PromptPiece(.audio) }
    if contains(isTyped ? .file : .fileMember) { return contains(.plain) ? nil : PromptPiece(.file) }
    return nil
  }

  /// What an item of `/v1/responses` counts as beside what it holds.
  var pieceOfItem: PromptPiece? {
    if contains(.call) { return PromptPiece(.toolCall) }
    guard contains(.output) else { return nil }
    var piece = PromptPiece(.role)
    piece.role = .tool
    return piece
  }

  /// Takes note of a type: OpenAI's parts and items, Anthropic's blocks.
  mutating func take(type: JSONKey) {
    insert(.typed)
    switch type.count {
    case 4: if type.matches("file") { insert(.file) }
    case 5:
      if type.matches("image") { insert(.image) }
      if type.matches("audio") { insert(.audio) }
      if type.matches("video") { insert(.file) }
    case 8:
      if type.matches("document") { insert(.file) }
      if type.matches("tool_use") || type.matches("mcp_call") { insert(.call) }
    case 9:
      if type.matches("image_url") { insert(.image) }
      if type.matches("audio_url") { insert(.audio) }
      if type.matches("video_url") { insert(.file) }
    case 10: if type.matches("input_file") { insert(.file) }
    case 11:
      if type.matches("input_image") { insert(.image) }
      if type.matches("input_audio") { insert(.audio) }
      if type.matches("input_video") { insert(.file) }
    case 12: if type.matches("mcp_tool_use") { insert(.call) }
    case 13: if type.matches("function_call") { insert(.call) }
    case 15: if type.matches("server_tool_use") { insert(.call) }
    case 16:
      if type.matches("custom_tool_call") || type.matches("container_upload") {
        insert(type.matches("container_upload") ? .file : .call)
      }
    case 19: if type.matches("computer_screenshot") { insert(.image) }
    case 20: if type.matches("function_call_output") || type.matches("computer_call_output") { insert(.output) }
    case 23: if type.matches("custom_tool_call_output") { insert(.output) }
    default: break
    }
  }
}
