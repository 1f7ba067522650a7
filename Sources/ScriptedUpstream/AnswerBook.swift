internal import Synchronization

/// Makes the answers of one reactor and keeps those that are asked for again and again.
final class AnswerBook {
  private struct Key: Hashable {
    let facts: RequestFacts
    let endpoint: StreamPlan.Endpoint
    let closes: Bool
    let isHTTP10: Bool
    let isHealthy: Bool
  }

  /// How many answers are kept; then all are forgotten at once.
  private static let keptMax = 32
  /// Longer answers in one piece are made anew each time.
  private static let keptBytesMax = 4 << 20
  /// A stream of more events than this gets no Content-Length: to find it every event is rendered.
  private static let lengthEventsMax = 1_000_000
  /// How many scripts are kept; then all are forgotten at once.
  private static let scriptsMax = 1024

  private let shared: SharedState
  private var kept: [Key: Answer] = [:]
  /// Scripts that were read before: reading one costs more than the rest of a short answer.
  private var scripts: [String: Script] = [:]
  private var epoch = -1

  init(_ shared: SharedState) { self.shared = shared }

  /// The answer to a request, and the model that it was for.
  func answer(_ request: Request, _ body: UnsafeRawBufferPointer) -> (answer: Answer, model: String) {
    if request.path.hasPrefix("/_script/") { return (control(request, body), "") }
    guard request.isAuthorized else {
      return (plain(Script(), request, status: 401, PlainBody.error(status: 401)), "")
    }
    let facts = RequestFacts(body)
    return (answer(request, body, facts), facts.model)
  }

  private func answer(_ request: Request, _ body: UnsafeRawBufferPointer, _ facts: RequestFacts) -> Answer {
    var script: Script
    do {
      script = try self.script(facts)
    } catch {
      let message = PlainBody.error(error.description, type: "invalid_request_error", code: "bad_script")
      return plain(Script(), request, status: 400, message)
    }
    var isHealthy = script.fault == .none
    if let first = script.first, !isHealthy {
      isHealthy = !shared.meetsFault(facts.script.isEmpty ? "model \(facts.model)" : facts.script, first: first)
      if isHealthy { script = script.withoutFault }
    }
    switch request.path {
    case "/v1/chat/completions" where !request.isGet:
      return kept(request, facts, .chat, script, isHealthy)
    case "/v1/completions" where !request.isGet:
      return kept(request, facts, .completions, script, isHealthy)
    case "/v1/embeddings":
      return plain(script, request, Embeddings.answer(body, model: facts.model))
    case "/v1/models":
      return plain(script, request, modelList)
    case let path where path.hasPrefix("/v1/models/"):
      let name = String(path.dropFirst("/v1/models/".count))
      guard shared.settings.modelNames.contains(name) else {
        return plain(script, request, status: 404, PlainBody.error(status: 404))
      }
      return plain(script, request, Array(Self.model(name).utf8))
    case let path where path.hasPrefix("/v1/"):
      return plain(script, request, echo(request, body))
    default:
      return plain(script, request, status: 404, PlainBody.error(status: 404))
    }
  }

  /// The script that counts: the request's, the model's, or the default.
  private func script(_ facts: RequestFacts) throws(ScriptError) -> Script {
    if !facts.script.isEmpty {
      if let known = scripts[facts.script] { return known }
      let script = try Script(parsing: facts.script)
      if scripts.count >= Self.scriptsMax { scripts.removeAll() }
      scripts[facts.script] = script
      return script
    }
    return shared.settings.models[facts.model] ?? shared.defaultScript
  }

  // MARK: Completions

  private func kept(
    _ request: Request, _ facts: RequestFacts, _ endpoint: StreamPlan.Endpoint, _ script: Script, _ isHealthy: Bool
  ) -> Answer {
    let epoch = shared.epoch.load(ordering: .acquiring)
    if epoch != self.epoch || kept.count >= Self.keptMax {
      kept.removeAll()
      self.epoch = epoch
    }
    let key = Key(
      facts: facts, endpoint: endpoint, closes: request.closes, isHTTP10: request.isHTTP10, isHealthy: isHealthy)
    if let answer = kept[key] { return answer }
    let plan = StreamPlan(script, model: facts.model, includeUsage: facts.includesUsage, endpoint: endpoint)
    let answer = facts.isStream ? stream(plan, request) : plain(script, request, PlainBody.completion(plan))
    if answer.opening.count <= Self.keptBytesMax { kept[key] = answer }
    return answer
  }

  private func stream(_ plan: StreamPlan, _ request: Request) -> Answer {
    let script = plan.script
    if let early = early(script, request) { return early }
    var framing = script.framing ?? .chunked
    if framing == .length && plan.itemCount > Self.lengthEventsMax { framing = .chunked }
    if framing == .chunked && request.isHTTP10 { framing = .close }
    var head = head(script, request)
    head.contentType = "text/event-stream; charset=utf-8"
    head.isChunked = framing == .chunked
    head.closes = request.closes || framing == .close
    if framing == .length {
      // A cut answer must fall short of its length, or nobody could tell that it was cut.
      head.length = plan.byteCount + (plan.ending == .complete ? 0 : 1000)
    }
    let ending: Answer.Ending =
      switch plan.ending {
      case .reset: .reset
      case .close: .close
      case .stall: .stall
      case .complete: self.ending(script, closes: head.closes)
      }
    return Answer(plan: plan, head: head.bytes, framing: framing, ending: ending)
  }

  // MARK: Answers in one piece

  /// A plain answer with the script's fault.
  private func plain(_ script: Script, _ request: Request, status: Int = 200, _ body: [UInt8]) -> Answer {
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
  private func early(_ script: Script, _ request: Request) -> Answer? {
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

  private func head(_ script: Script, _ request: Request) -> Head {
    Head(isHTTP10: request.isHTTP10, extra: script.headers, interim: request.isHTTP10 ? nil : script.interim)
  }

  private func ending(_ script: Script, closes: Bool) -> Answer.Ending {
    if closes || script.fault == .closeAfterAnswer { return .close }
    guard script.fault == .lateBytes else { return .keepAlive }
    let body = Array("{\"late\":\"bytes of an answer that nobody asked for\"}".utf8)
    return .late(Head(length: body.count).bytes + body)
  }

  // MARK: Other endpoints

  private func echo(_ request: Request, _ body: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\"object\":\"echo\",\"method\":")
    bytes.appendQuoted(request.method)
    bytes.append(",\"path\":")
    bytes.appendQuoted(request.path)
    let checksum = String(CRC32.of(body), radix: 16)
    let padded = String(repeating: "0", count: 8 - checksum.count) + checksum
    bytes.append(",\"bodyBytes\":\(body.count),\"crc32\":\"\(padded)\"}")
    return bytes
  }

  private static func model(_ name: String) -> String {
    "{\"id\":\"\(name)\",\"object\":\"model\",\"created\":1735689600,\"owned_by\":\"scripted\"}"
  }

  private var modelList: [UInt8] {
    let models = shared.settings.modelNames.map(Self.model).joined(separator: ",")
    return Array("{\"object\":\"list\",\"data\":[\(models)]}".utf8)
  }

  /// The simulator's own endpoints, for tests in other processes.
  private func control(_ request: Request, _ body: UnsafeRawBufferPointer) -> Answer {
    switch request.path {
    case "/_script/seen": return plain(Script(), request, shared.seen.snapshot.json)
    case "/_script/reset":
      shared.reset()
      return plain(Script(), request, Array("{\"reset\":true}".utf8))
    case "/_script/default":
      do {
        shared.defaultScript = try Script(parsing: String(decoding: body, as: UTF8.self))
        return plain(Script(), request, Array("{\"default\":true}".utf8))
      } catch {
        let message = PlainBody.error(error.description, type: "invalid_request_error", code: "bad_script")
        return plain(Script(), request, status: 400, message)
      }
    default:
      return plain(Script(), request, status: 404, PlainBody.error(status: 404))
    }
  }
}
