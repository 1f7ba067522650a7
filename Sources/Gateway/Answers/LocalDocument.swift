internal import ChatProtocol
internal import GatewayConfiguration
internal import HTTPWire
internal import Routing
internal import Transport

/// What is asked of the gateway itself.
enum LocalQuestion {
  case options
  case health
  case models
  case model(ModelListing)
}

/// An answer of the gateway's own.
struct LocalDocument {
  var status = 200
  var contentType: StaticString? = "application/json"
  var body: [UInt8] = []
  /// Adds fields to its head.
  var fields: (inout OutputBytes) -> Void = { _ in }

  // MARK: Errors

  /// An error in the words of the endpoint.
  static func error(_ error: GatewayError, on surface: Surface, _ settings: GatewaySettings) -> LocalDocument {
    LocalDocument(status: error.status, body: Dialect(surface).body(of: error)) { output in
      if let milliseconds = error.retryAfterMilliseconds {
        output.append("retry-after: ")
        output.append(decimal: (milliseconds + 999) / 1000)
        output.append("\r\nretry-after-ms: ")
        output.append(decimal: milliseconds)
        output.append("\r\n")
      }
      if let shouldRetry = error.shouldRetry {
        output.append(shouldRetry ? "x-should-retry: true\r\n" : "x-should-retry: false\r\n")
      }
      if let seconds = error.tokensResetSeconds, settings.server.higressHeaders {
        output.append("x-tokenratelimit-reset: ")
        output.append(decimal: seconds)
        output.append("\r\n")
      }
      if error.status == 401 { output.append("www-authenticate: Bearer\r\n") }
      if error.status == 405, let allowed = surface.allowedMethods { Self.appendAllowed(allowed, to: &output) }
    }
  }

  /// Which methods there are.
  static func options(of surface: Surface) -> LocalDocument {
    LocalDocument(status: 204, contentType: nil) { output in
      Self.appendAllowed(surface.allowedMethods ?? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", to: &output)
    }
  }

  private static func appendAllowed(_ methods: StaticString, to output: inout OutputBytes) {
    output.append("allow: ")
    output.append(methods)
    output.append("\r\n")
  }

  // MARK: Health

  /// `/livez`, `/readyz`, `/health`. Live while the process answers; ready until it drains. Redis or an upstream being away does not make a replica unready: a balancer
  /// would take all of them out at once.
  static func health(on surface: Surface, isReady: Bool, connections: Int, generation: Int) -> LocalDocument {
    let isOK = surface == .live || isReady
    let status = isOK ? "ok" : "draining"
    var body = #"{"status":"\#(status)""#
    if surface == .health {
      body += #","ready":\#(isReady),"connections":\#(connections),"generation":\#(generation)"#
    }
    body += "}"
    return LocalDocument(status: isOK ? 200 : 503, body: Array(body.utf8))
  }

  // MARK: Models

  /// The models of the caller.
  static func models(_ routes: RouteTable, of consumer: Int?, since startedAt: Int) -> LocalDocument {
    var body = Array(#"{"object":"list","data":["#.utf8)
    for (index, model) in routes.visibleModels(to: consumer).enumerated() {
      if index > 0 { body.append(UInt8(ascii: ",")) }
      append(model, startedAt, to: &body)
    }
    body += Array("]}".utf8)
    return LocalDocument(body: body)
  }

  /// One model.
  static func model(_ listing: ModelListing, since startedAt: Int) -> LocalDocument {
    var body: [UInt8] = []
    append(listing, startedAt, to: &body)
    return LocalDocument(body: body)
  }

  private static func append(_ model: ModelListing, _ startedAt: Int, to body: inout [UInt8]) {
    body += Array(#"{"id":"#.utf8)
    JSONText.append(quoted: model.id, to: &body)
    body += Array(#","object":"model","created":\#(startedAt),"owned_by":"#.utf8)
    JSONText.append(quoted: model.ownedBy, to: &body)
    body.append(UInt8(ascii: "}"))
  }
}
