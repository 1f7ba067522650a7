internal import ChatProtocol
internal import TokenAccounting

/// What is charged where nobody counts.
extension Exchange {
  /// How a request is charged whose prompt is not counted; nil where it is.
  var charge: RequestCharge? { surface.promptShape == nil ? RequestCharge.of(method, target) : nil }

  /// Pictures that the request makes, as it says or as its answer brought them.
  var pictures: Int { charge == .pictures ? max(picturesAsked, picturesMade) : 0 }

  /// What the request takes by rule.
  func ruledTokens(_ charge: RequestCharge, _ body: UnsafeRawBufferPointer) -> Int {
    let isJSON = body.first { $0 > 0x20 } == UInt8(ascii: "{")
    return charge.tokens(bodyBytes: body.count, isJSON: isJSON, pictures: picturesAsked, tokens)
  }

  /// Notes how many pictures are asked for. A form's number is not read; its answer tells.
  func notePictures(_ body: UnsafeRawBufferPointer) {
    picturesAsked = (try? RequestScanner.scan(body.bytes, acting: .pictures))?.choiceCount ?? 1
  }

  /// Reads what an answer tells of its cost beside usage.
  func readOtherCost(_ body: UnsafeRawBufferPointer, _ charge: RequestCharge, hasUsage: Bool) {
    switch charge {
    case .pictures: picturesMade = min(ChunkScanner.pictures(ofAnswer: body.bytes) ?? 0, 1024)
    case .sound:
      guard !hasUsage, let seconds = ChunkScanner.seconds(ofAnswer: body.bytes) else { break }
      record.tokens.countedPrompt = RequestCharge.tokens(ofSeconds: seconds, tokens)
      record.tokens.promptSource = .estimated
    default: break
    }
  }

  /// The request has ended, and nobody told its tokens: it takes what the rule says.
  func chargeByRule() {
    guard grant != nil, ruledTokens > 0, isSent, record.tokens.reported == nil, let charge, !isUnanswered,
      record.tokens.countedPrompt == nil, record.tokens.counted == nil
    else { return }
    if charge.isOutput {
      var tally = AnswerTally(source: .estimated)
      // It may have brought more than it was asked for.
      tally.completion = pictures > picturesAsked ? ruledTokens * pictures / max(1, picturesAsked) : ruledTokens
      record.tokens.counted = tally
    } else {
      record.tokens.countedPrompt = ruledTokens
      record.tokens.promptSource = .estimated
    }
  }

  /// Whether the upstream gave no answer that anybody would pay for.
  var isUnanswered: Bool {
    switch record.outcome {
    case .failed, .upstreamError, .refused: record.firstContentAt == nil && !isTimedOutAtWork
    case .completed, .cut, .limited, .clientLeft, .clientStalled, .shutDown: false
    }
  }

  /// Whether a time-out of ours ended the attempt while its upstream was at work: it had begun its answer, or was asked for one in one piece, which nothing
  /// shows before its end.
  var isTimedOutAtWork: Bool { isTimedOut && (record.status == 200 || !wantsStream) }
}
