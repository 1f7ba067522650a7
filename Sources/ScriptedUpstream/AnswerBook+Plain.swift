/// Answers in one piece, and the faults that come before or in place of an answer.
extension AnswerBook {
  /// A plain answer with the script's fault.
  func plain(_ script: Script, _ request: Request, status: Int = 200, _ body: [UInt8]) -> Answer {
    if let early = early(script, request) { return early }
    var head = head(script, request)
    head.status = status
    var framing = script.framing ?? .length
    if framing == .chunked && request.isHTTP10 { framing = .close }
    if script.fault == .badFraming { framing = .chunked }
    head.closes = request.closes || framing == .close
    switch framing {
    case .length: head.length = body.count
    case .chunked: head.isChunked = true
    case .close: break
    }
    var bytes = head.bytes
    let ending: Answer.Ending
    switch script.fault {
    case .reset, .close, .stall, .truncate:
      if head.isChunked { bytes.append("\(String(max(1, body.count), radix: 16))\r\n") }
      bytes += body[..<(body.count / 2)]
      ending = script.fault == .reset ? .reset : script.fault == .stall ? .stall : .close
      return Answer(script: script, opening: bytes, ending: ending, isWhole: false)
    case .badFraming:
      bytes.append("zz\r\nno chunk\r\n")
      return Answer(script: script, opening: bytes, ending: .stall, isWhole: false)
    default:
      ending = self.ending(script, closes: head.closes)
    }
    if !request.isHead {
      if head.isChunked {
        Self.append(body, inChunksOf: script.chunkSplit, to: &bytes)
      } else {
        bytes += body
      }
    }
    return Answer(script: script, opening: bytes, ending: ending)
  }

  private static func append(_ body: [UInt8], inChunksOf size: Int, to bytes: inout [UInt8]) {
    var at = 0
    while at < body.count {
      let count = size > 0 ? min(size, body.count - at) : body.count
      bytes.append("\(String(count, radix: 16))\r\n")
      bytes += body[at..<at + count]
      bytes.append("\r\n")
      at += count
    }
    bytes.append("0\r\n\r\n")
  }

  /// The faults that come before or in place of an answer.
  func early(_ script: Script, _ request: Request) -> Answer? {
    var healthy = script.withoutFault
    healthy.framing = nil
    switch script.fault {
    case .status(let status):
      return refusal(healthy, request, status, "application/json", PlainBody.error(status: status))
    case .htmlError: return refusal(healthy, request, 502, "text/html", PlainBody.html)
    case .closeBeforeAnswer: return Answer(script: script, opening: [], ending: .close, isWhole: false)
    case .resetBeforeAnswer: return Answer(script: script, opening: [], ending: .reset, isWhole: false)
    case .neverAnswer: return Answer(script: script, opening: [], ending: .stall, isWhole: false)
    case .badHead:
      return Answer(script: script, opening: Array("THIS IS NO HTTP\r\n\r\n".utf8), ending: .close, isWhole: false)
    default: return nil
    }
  }

  private func refusal(
    _ script: Script, _ request: Request, _ status: Int, _ contentType: String, _ body: [UInt8]
  ) -> Answer {
    var head = head(script, request)
    head.status = status
    head.contentType = contentType
    head.closes = request.closes
    head.length = body.count
    head.retryAfter = script.retryAfter
    let bytes = head.bytes + (request.isHead || status == 204 || status == 304 ? [] : body)
    return Answer(script: script, opening: bytes, ending: ending(script, closes: request.closes))
  }

  func head(_ script: Script, _ request: Request) -> Head {
    Head(isHTTP10: request.isHTTP10, extra: script.headers, interim: request.isHTTP10 ? nil : script.interim)
  }

  func ending(_ script: Script, closes: Bool) -> Answer.Ending {
    if closes || script.fault == .closeAfterAnswer { return .close }
    guard script.fault == .lateBytes else { return .keepAlive }
    let body = Array("{\"late\":\"bytes of an answer that nobody asked for\"}".utf8)
    return .late(Head(length: body.count).bytes + body)
  }
}
