internal import ChatProtocol
internal import HTTPWire
internal import Transport
internal import Upstreams

/// A refusal or failure in words for the client: the one place where causes become statuses, codes and sentences.
struct GatewayError: Error {
  /// The HTTP status before the first byte.
  var status: Int
  /// OpenAI's `error.type`.
  var type: StaticString
  /// OpenAI's `error.code`.
  var code: StaticString
  /// What was wrong and what to do.
  var message: String
  /// OpenAI's `error.param`.
  var param: String?
  /// Milliseconds after which trying again makes sense.
  var retryAfterMilliseconds: Int?
  /// False tells SDKs not to try again.
  var shouldRetry: Bool?
  /// Seconds until a limit of tokens or money is whole again.
  var tokensResetSeconds: Int?

  init(
    _ status: Int, _ type: StaticString, _ code: StaticString, _ message: String, param: String? = nil,
    retryAfterMilliseconds: Int? = nil, shouldRetry: Bool? = nil
  ) {
    self.status = status
    self.type = type
    self.code = code
    self.message = message
    self.param = param
    self.retryAfterMilliseconds = retryAfterMilliseconds
    self.shouldRetry = shouldRetry
  }

  // MARK: The caller's

  static let noCredential = GatewayError(
    401, "invalid_request_error", "invalid_api_key",
    "No API key was given. Send it as 'Authorization: Bearer KEY', 'x-api-key' or 'api-key'.")

  static let badCredential = GatewayError(
    401, "invalid_request_error", "invalid_api_key", "The API key is not known here, or has been revoked.")

  static let ambiguousCredential = GatewayError(
    401, "invalid_request_error", "invalid_api_key", "More than one API key was given. Send one.")

  static let unknownPath = GatewayError(
    404, "invalid_request_error", "unknown_url",
    "There is no such endpoint. OpenAI's endpoints are below /v1/, health at /livez, /readyz and /health.")

  static let suspiciousPath = GatewayError(
    400, "invalid_request_error", "invalid_url", "The path is ambiguous: no '..', '//', ';', '\\' or encoded slashes.")

  static func methodNotAllowed(_ allowed: StaticString) -> GatewayError {
    GatewayError(405, "invalid_request_error", "method_not_allowed", "The endpoint takes \(allowed).")
  }

  static func invalidJSON(_ error: JSONScanError) -> GatewayError {
    GatewayError(400, "invalid_request_error", "invalid_json", error.message, param: error.param)
  }

  static let noModel = GatewayError(
    400, "invalid_request_error", "missing_model", "The request names no model: 'model' must be a non-empty string.",
    param: "model")

  static func unknownModel(_ name: String, nearest: [String]) -> GatewayError {
    let hint =
      nearest.isEmpty ? "See /v1/models." : "Did you mean \(nearest.map { "'\($0)'" }.joined(separator: ", "))?"
    return GatewayError(
      404, "invalid_request_error", "model_not_found",
      "The model '\(name)' does not exist or you do not have access to it. \(hint)", param: "model")
  }

  static func modelNotAllowed(_ name: String, consumer: String) -> GatewayError {
    GatewayError(
      403, "invalid_request_error", "model_not_allowed",
      "The consumer '\(consumer)' may not use the model '\(name)'. See /v1/models for those it may use.",
      param: "model")
  }

  /// - Parameter path: without a key in it.
  static func noRoute(_ method: HTTPMethod, _ path: String, namesNoModel: Bool) -> GatewayError {
    let path = path.prefix(128)
    let lead = namesNoModel ? "The request names no model, and there is no route" : "No route"
    return GatewayError(
      404, "invalid_request_error", "no_route",
      "\(lead) for \(method.name) \(path). To pass this endpoint through to an upstream, the gateway's operator adds it to"
        + " 'routes' in the configuration, for instance { path: \(path), upstream: NAME }.")
  }

  static let routeNotAllowed = GatewayError(
    403, "invalid_request_error", "route_not_allowed", "This endpoint is not available to this consumer.")

  static let duplicateContentType = GatewayError(
    400, "invalid_request_error", "invalid_http", "More than one Content-Type header field. Send one.")

  static func modelInQuery(_ name: String) -> GatewayError {
    GatewayError(
      400, "invalid_request_error", "invalid_url",
      "'\(name)' in the query could name a model other than the body's. Name the model in the body alone.", param: name)
  }

  static func invalidForm(_ error: MultipartError) -> GatewayError {
    GatewayError(
      400, "invalid_request_error", "invalid_multipart", "Invalid multipart form: \(error.message).", param: error.param
    )
  }

  static let noForm = GatewayError(
    400, "invalid_request_error", "invalid_multipart",
    "Expected multipart/form-data with a boundary in the Content-Type header field, or a JSON object.")

  /// A consumer with some models only sends what might name another.
  static let unreadableBody = GatewayError(
    400, "invalid_request_error", "unreadable_body",
    "Expected a JSON object as application/json, or a multipart form: this consumer may use some models only, and no"
      + " other body can be checked for the model that it names.")

  static func otherModels(_ member: String, isRestricted: Bool) -> GatewayError {
    GatewayError(
      403, "invalid_request_error", "model_not_allowed",
      "'\(member)' can name a model other than 'model', which "
        + (isRestricted ? "this consumer may not do" : "limits by model do not allow") + ". Leave it out.",
      param: member)
  }

  static func rejected(_ rejection: RequestRejection) -> GatewayError {
    if rejection.status == 503 {
      return GatewayError(
        503, "server_error", "gateway_overloaded", rejection.message, retryAfterMilliseconds: 1000)
    }
    let code: StaticString =
      switch rejection.status {
      case 408: "request_timeout"
      case 413: "request_too_large"
      default: "invalid_http"
      }
    return GatewayError(rejection.status, "invalid_request_error", code, rejection.message)
  }

  // MARK: The upstream's

  static func lease(_ failure: LeaseFailure, upstream: String) -> GatewayError {
    switch failure {
    case .queueFull, .queueTimeout:
      GatewayError(
        503, "server_error", "upstream_overloaded", "The upstream '\(upstream)' is at capacity: \(failure).",
        retryAfterMilliseconds: 1000)
    case .connectFailed(let error): transport(error, upstream: upstream)
    default:
      GatewayError(
        503, "server_error", "upstream_unavailable", "The upstream '\(upstream)' is unavailable: \(failure).",
        retryAfterMilliseconds: 1000)
    }
  }

  static func transport(_ error: TransportError, upstream: String) -> GatewayError {
    switch error {
    case .exhausted:
      GatewayError(
        503, "server_error", "gateway_overloaded",
        "The gateway can open no further connection to the upstream '\(upstream)'. Retry later.",
        retryAfterMilliseconds: 1000)
    case .connectTimedOut:
      GatewayError(504, "server_error", "upstream_connect_timeout", "The upstream '\(upstream)': \(error).")
    case .nameNotResolved, .connectFailed, .tlsFailed:
      GatewayError(502, "server_error", "upstream_connect_failed", "The upstream '\(upstream)': \(error).")
    case .broken, .closedEarly:
      GatewayError(502, "server_error", "upstream_reset", "The upstream '\(upstream)': \(error).")
    case .protocolViolation:
      GatewayError(502, "server_error", "upstream_protocol_error", "The upstream '\(upstream)': \(error).")
    }
  }

  static func firstTokenTimeout(upstream: String) -> GatewayError {
    GatewayError(
      504, "server_error", "upstream_timeout",
      "The upstream '\(upstream)' sent no content within the firstToken timeout.")
  }

  static func betweenTokensTimeout(upstream: String) -> GatewayError {
    GatewayError(
      504, "server_error", "upstream_stalled",
      "The upstream '\(upstream)' sent no further content within the betweenTokens timeout.")
  }

  static func answerTimeout(upstream: String) -> GatewayError {
    GatewayError(
      504, "server_error", "upstream_timeout",
      "The upstream '\(upstream)' sent no answer within the answer timeout.")
  }

  static func totalTimeout(upstream: String) -> GatewayError {
    GatewayError(
      504, "server_error", "upstream_timeout", "The upstream '\(upstream)' did not finish within the total timeout.")
  }

  static func incomplete(upstream: String) -> GatewayError {
    GatewayError(
      502, "server_error", "upstream_incomplete",
      "The upstream '\(upstream)' ended its stream without a finish_reason: the answer is incomplete.")
  }

  static func eventTooLarge(upstream: String) -> GatewayError {
    GatewayError(
      502, "server_error", "upstream_protocol_error", "The upstream '\(upstream)' sent an event that is too large.")
  }

  /// A success that is none.
  static func invalidAnswer(_ what: String, words: String?, upstream: String) -> GatewayError {
    GatewayError(
      502, "server_error", "upstream_invalid_answer",
      "The upstream '\(upstream)' gave no answer but \(what).\(said(words))")
  }

  static func errorEvent(words: String?, upstream: String) -> GatewayError {
    GatewayError(
      502, "server_error", "upstream_error", "The upstream '\(upstream)' failed inside its stream.\(said(words))")
  }

  /// What the upstream refuses concerns the gateway's account or place there, not the caller.
  static func refusedGateway(status: Int, words: String?, upstream: String) -> GatewayError {
    let (code, what): (StaticString, String) =
      switch status {
      case 401, 407: ("upstream_unauthorized", "refused the gateway's own credentials")
      case 402: ("upstream_payment_required", "wants to be paid before it answers the gateway")
      case 403: ("upstream_forbidden", "does not allow the gateway this request")
      case 404, 410: ("upstream_not_found", "does not have the model or deployment that the gateway asked for")
      default: ("upstream_failed", "could not do it and answered with status \(status)")
      }
    return GatewayError(
      502, "server_error", code,
      "The upstream '\(upstream)' \(what).\(said(words)) Tell the gateway's operator.",
      shouldRetry: status == 424 || status == 425 || status == 499 ? nil : false)
  }

  /// The upstream's own words, as a sentence behind ours.
  private static func said(_ words: String?) -> String {
    guard let words, !words.isEmpty else { return "" }
    return " It says: \(words)\(words.hasSuffix(".") ? "" : ".")"
  }

  /// An error that is passed on where it can be: in a stream that is open already, or in place of a document that clients cannot read, its words are.
  static func foreignError(status: Int, words: String?, upstream: String) -> GatewayError {
    let what = words == nil ? "with status \(status) and no error in OpenAI's form." : "with status \(status)."
    return GatewayError(
      status, status == 429 ? "rate_limit_error" : "server_error",
      status == 429 ? "rate_limit_exceeded" : "upstream_error",
      "The upstream '\(upstream)' answered \(what)\(said(words))")
  }

  // MARK: The gateway's own

  static let shuttingDown = GatewayError(
    503, "server_error", "shutting_down", "The gateway is shutting down; the answer was cut. Try again.",
    retryAfterMilliseconds: 1000)
}
