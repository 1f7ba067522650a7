import ChatProtocol

/// Feeds any bytes to everything that reads bodies in place and traps when an invariant breaks.
func fuzzJSON(_ bytes: RawSpan) {
  let body = bytes.withUnsafeBytes { Array($0) }
  fuzzRequest(body)
  fuzzChunk(body)
  fuzzTexts(body)
  fuzzMultipart(body)
}

private let limits = JSONLimits(depthMax: 64)

private func fuzzRequest(_ body: [UInt8]) {
  guard let fields = try? RequestScanner.scan(body.span.bytes, limits: limits) else { return }
  precondition(ReferenceValidator.accepts(body, depthMax: 64), "accepted, but no JSON")
  precondition(RequestScanner.choicesRange.contains(fields.choiceCount))
  _ = ModelNamingMember.isNamed(byTools: fields.tools, in: body.span.bytes)
  var edits = RequestEdits(fields)
  if fields.model != nil { edits.replaceModel(with: JSONText.quoted("other \u{1F600}")) }
  edits.requireUsage()
  edits.setMaxTokens(7)
  let edited = edits.edited(body.span.bytes)
  precondition(edited.count == edits.editedByteCount(bodyByteCount: body.count))
  precondition(ReferenceValidator.accepts(edited, depthMax: 65), "an edit broke the JSON")
  guard let again = try? RequestScanner.scan(edited.span.bytes, limits: JSONLimits(depthMax: 65)) else {
    preconditionFailure("an edited body is refused")
  }
  precondition(again.asksForUsage && again.tokensMax == 7 && again.isStream == fields.isStream)
  if fields.model != nil {
    precondition(again.model?.text(in: edited.span.bytes) == "other \u{1F600}")
  }
}

private func fuzzChunk(_ body: [UInt8]) {
  let fields = ChunkScanner.scan(body.span.bytes, limits: limits)
  guard !fields.isMalformed else { return }
  precondition(ReferenceValidator.accepts(body, depthMax: 64), "accepted, but no JSON")
  if let member = fields.usageMember {
    let without = Array(body[..<member.lowerBound] + body[member.upperBound...])
    precondition(ReferenceValidator.accepts(without, depthMax: 64), "taking usage out broke the JSON")
    let again = ChunkScanner.scan(without.span.bytes, limits: limits)
    precondition(again.usageMember == nil && again.choicesCount == fields.choicesCount)
  }
  for text in [fields.firstContent, fields.firstReasoning, fields.finishReason] {
    if let text { precondition(text.text(in: body.span.bytes).utf8.count <= 3 * body.count) }
  }
}

private func fuzzMultipart(_ body: [UInt8]) {
  // The first line stands for the header field, what follows for the body.
  let lineEnd = body.firstIndex(of: 0x0A) ?? body.endIndex
  let value = Array(body[..<lineEnd])
  let boundary = MultipartScanner.boundary(fromContentType: value.span.bytes) ?? Array("b".utf8)
  let rest = Array(body[lineEnd...])
  guard let fields = try? MultipartScanner.scan(rest.span.bytes, boundary: boundary) else { return }
  precondition(fields.model?.upperBound ?? 0 <= rest.count)
}
