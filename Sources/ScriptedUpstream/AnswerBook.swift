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

  let shared: SharedState
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
    var facts = RequestFacts(body)
    if let path = GeminiPath(request.path) { (facts.model, facts.isStream) = (path.model, path.isStream) }
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
    case "/v1/messages" where !request.isGet && script.provider != .standard:
      return kept(request, facts, .messages, script, isHealthy)
    case "/v1/responses" where !request.isGet && script.provider != .standard:
      return kept(request, facts, .responses, script, isHealthy)
    case let path where !request.isGet && script.provider == .gemini && GeminiPath(path) != nil:
      return kept(request, facts, .gemini, script, isHealthy)
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
    let plan = StreamPlan(
      script, model: facts.model, includeUsage: facts.includesUsage, endpoint: endpoint,
      continuousUsage: facts.includesRunningUsage, choices: facts.choices)
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
}
