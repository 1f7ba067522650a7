import ChatProtocol

/// What the prompt scanner tells of a request, a line a piece: `mark`, `role NAME`, `tokens N`, or `kind: text`.
func promptPieces(
  _ body: [UInt8], _ shape: PromptShape, tools: PromptToolForm = .documents, hasSchema: Bool = false,
  bytesMax: Int = PromptScanner.bytesUsual
) throws -> [String] {
  let fields = try RequestScanner.scan(body.span.bytes)
  return promptPieces(fields, body, shape, tools: tools, hasSchema: hasSchema, bytesMax: bytesMax)
}

func promptPieces(
  _ fields: RequestFields, _ body: [UInt8], _ shape: PromptShape, tools: PromptToolForm = .documents,
  hasSchema: Bool = false, bytesMax: Int = PromptScanner.bytesUsual
) -> [String] {
  var scanner = PromptScanner(fields, shape, tools: tools, hasSchema: hasSchema)
  var lines: [String] = []
  var text: [UInt8] = []
  var tokens = 0
  var document = PromptDocumentText()
  var remaining = scanner.remainingBytes
  while let piece = scanner.next(in: body.span.bytes, bytesMax: bytesMax) {
    remaining = max(remaining, scanner.remainingBytes)
    guard piece.kind != .pause else { continue }
    // Long lists come in several pieces.
    if piece.kind != .tokens, tokens > 0 {
      lines.append("tokens \(tokens)")
      tokens = 0
    }
    switch piece.kind {
    case .role: lines.append("role \(piece.role)")
    case .tokens: tokens += piece.count
    case _ where piece.isDocument:
      document.render(piece.part, in: body.span.bytes) { part in
        part.withUnsafeBytes { text.append(contentsOf: $0) }
      }
    case _ where piece.isText: piece.part.appendText(in: body.span.bytes, to: &text)
    default: lines.append("\(piece.kind)")
    }
    guard piece.isText, piece.isLast else { continue }
    lines.append("\(piece.kind): \(String(decoding: text, as: UTF8.self))")
    text = []
    document = PromptDocumentText()
  }
  if tokens > 0 { lines.append("tokens \(tokens)") }
  if !text.isEmpty { lines.append("unfinished: \(String(decoding: text, as: UTF8.self))") }
  if scanner.remainingBytes != 0 { lines.append("left over: \(scanner.remainingBytes) bytes") }
  return lines
}

func promptPieces(
  _ body: String, _ shape: PromptShape = .chat, tools: PromptToolForm = .documents, hasSchema: Bool = false,
  bytesMax: Int = PromptScanner.bytesUsual
) throws -> [String] {
  try promptPieces(Array(body.utf8), shape, tools: tools, hasSchema: hasSchema, bytesMax: bytesMax)
}
