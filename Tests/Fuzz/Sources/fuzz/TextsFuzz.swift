import ChatProtocol

/// Feeds any bytes to what finds the texts of answers and prompts, and traps when an invariant breaks.
func fuzzTexts(_ body: [UInt8]) {
  fuzzAnswer(body, ChunkScanner.scan(body.span.bytes, limits: .answer))
  fuzzAnswer(body, EventScanner.scan(body.span.bytes, limits: .answer))
  fuzzParts(body)
  fuzzJudgement(body)
  fuzzError(body)
  fuzzPassing(body)
  _ = ChunkScanner.usage(ofAnswer: body.span.bytes)
  fuzzPrompt(body)
}

/// An event has one part in its answer, whatever name it has; the first line stands for that.
private func fuzzParts(_ body: [UInt8]) {
  let lineEnd = body.firstIndex(of: 0x0A) ?? body.endIndex
  let name = Array(body[..<lineEnd])
  let data = Array(body[lineEnd...])
  let fields = EventScanner.scan(data.span.bytes, eventName: name.span.bytes)
  precondition(!fields.isBeginning || !(fields.hasProgress || fields.hasError || fields.finishedCount > 0))
  precondition(fields.error?.upperBound ?? 0 <= data.count)
}

/// What the first bytes say holds for the whole, and only what is JSON is judged to be an answer or a failure.
private func fuzzJudgement(_ body: [UInt8]) {
  let opening = AnswerOpening(body.span.bytes)
  for length in 0..<min(body.count, 16) {
    let early = AnswerOpening(body.span.bytes.extracting(first: length))
    precondition(early == .undecided || early == opening, "more bytes changed the decision")
  }
  let document = Array(body[(body.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0)...])
  for kind in [AnswerKind.chunks, .message, .response, .embedding, .any] {
    switch AnswerJudge.judge(body.span.bytes, as: kind, limits: JSONLimits(depthMax: 64)) {
    case .answer: precondition(ReferenceValidator.accepts(document, depthMax: 64), "an answer, but no JSON")
    case .failure(let message): precondition(message?.range.upperBound ?? 0 <= body.count)
    case .notAnAnswer: break
    }
  }
}

/// Every text lies in the document, and decodes to the same whether it is decoded by itself or behind others.
private func fuzzAnswer(_ body: [UInt8], _ fields: ChunkFields) {
  var running = JSONTextDecoder()
  var count = 0
  fields.texts.forEach { text in
    precondition(text.text.contents.lowerBound > 0 && text.text.contents.upperBound <= body.count)
    var alone = JSONTextDecoder()
    var bytes = 0
    alone.decode(text.text, in: body.span.bytes) { bytes += $0.byteCount }
    alone.finish { bytes += $0.byteCount }
    precondition(bytes <= 3 * text.text.contents.count)
    running.decode(text.text, in: body.span.bytes) { count += $0.byteCount }
  }
  running.finish { count += $0.byteCount }
  precondition(count <= 3 * body.count * (fields.texts.count + 1))
  if let usage = fields.usage {
    precondition(usage.hasCounts && (usage.promptTokens ?? 1) > 0 && (usage.completionTokens ?? 1) > 0)
    var merged = usage
    merged.merge(usage)
    precondition(merged == usage)
  }
}

/// However a prompt is sliced, its pieces are the same.
private func fuzzPrompt(_ body: [UInt8]) {
  guard let fields = try? RequestScanner.scan(body.span.bytes) else { return }
  for shape in [PromptShape.chat, .completion, .embedding, .messages, .responses] {
    for tools in [PromptToolForm.documents, .signatures] {
      let whole = promptPieces(fields, body, shape, tools: tools, bytesMax: 1 << 20)
      precondition(whole == promptPieces(fields, body, shape, tools: tools, bytesMax: 13), "slices differ")
    }
  }
}

/// An error's words are bounded, and never empty.
private func fuzzError(_ body: [UInt8]) {
  let error = ErrorBody(body.span.bytes)
  precondition(error.message?.utf8.count ?? 1 <= ErrorBody.messageBytesMax && error.message != "")
}

/// However a document is cut, it says the same; and what a scanner of whole documents accepts is complete, with the same
/// texts.
private func fuzzPassing(_ body: [UInt8]) {
  let whole = PassingFindings(body, size: max(1, body.count))
  for size in [1, 7] { precondition(PassingFindings(body, size: size) == whole, "pieces differ") }
  guard AnswerJudge.judge(body.span.bytes, as: .chunks) == .answer, body.first != 0xEF else { return }
  precondition(whole.isComplete && whole.hasChoices, "an answer, but not complete")
}

private struct PassingFindings: Equatable {
  var texts: [String: [UInt8]] = [:]
  var isComplete = false
  var hasChoices = false
  var counts: [Int] = []
  var usage: TokenUsage?

  init(_ body: [UInt8], size: Int) {
    var document = PassingDocument()
    for start in stride(from: 0, to: body.count, by: size) {
      document.take(body.span.bytes.extracting(start..<min(start + size, body.count))) { text, bytes in
        precondition(text.text.contents == 0..<bytes.byteCount && bytes.byteCount > 0)
        let name = "\(text.choice).\(text.part) \(text.channel)"
        bytes.withUnsafeBytes { texts[name, default: []].append(contentsOf: $0) }
      }
    }
    isComplete = document.isComplete
    hasChoices = document.hasChoices
    counts = [document.choicesCount, document.dataCount, document.finishedCount]
    usage = document.usage
  }
}
