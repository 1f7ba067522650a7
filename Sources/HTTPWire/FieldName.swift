/// A header field's name, recognised once while the head is parsed, so that nobody compares strings later.
///
/// Only names that some part of the gateway acts on are listed; the rest is `other` and is compared, where needed, by
/// its bytes.
public enum FieldName: UInt8, Sendable, CaseIterable {
  /// A name without a case of its own.
  case other
  /// Routing, framing and connection management.
  case host, contentLength, transferEncoding, connection, keepAlive, te, trailer, upgrade, expect, via,
    proxyConnection, proxyAuthenticate, proxyAuthorization
  /// Who asks and on whose behalf.
  case authorization, wwwAuthenticate, xApiKey, apiKey, cookie, setCookie, userAgent, origin, xForwardedFor,
    xForwardedProto, xForwardedHost, xRealIP, forwarded
  /// Tracing and repetition.
  case xRequestID, traceparent, tracestate, idempotencyKey, retryAfter, retryAfterMs, xShouldRetry
  /// What the body is.
  case contentType, contentEncoding, contentDisposition, contentRange, accept, acceptEncoding
  /// Providers' own.
  case openaiBeta, openaiOrganization, openaiProject, openaiVersion, openaiProcessingMs, anthropicVersion,
    anthropicBeta
  /// Facts of a response.
  case date, server, cacheControl, location, allow, vary, etag, lastModified

  /// The name in lower case as it is written on the wire; empty for `other`.
  public var spelling: StaticString {
    switch self {
    case .other: ""
    case .host: "host"
    case .contentLength: "content-length"
    case .transferEncoding: "transfer-encoding"
    case .connection: "connection"
    case .keepAlive: "keep-alive"
    case .te: "te"
    case .trailer: "trailer"
    case .upgrade: "upgrade"
    case .expect: "expect"
    case .via: "via"
    case .proxyConnection: "proxy-connection"
    case .proxyAuthenticate: "proxy-authenticate"
    case .proxyAuthorization: "proxy-authorization"
    case .authorization: "authorization"
    case .wwwAuthenticate: "www-authenticate"
    case .xApiKey: "x-api-key"
    case .apiKey: "api-key"
    case .cookie: "cookie"
    case .setCookie: "set-cookie"
    case .userAgent: "user-agent"
    case .origin: "origin"
    case .xForwardedFor: "x-forwarded-for"
    case .xForwardedProto: "x-forwarded-proto"
    case .xForwardedHost: "x-forwarded-host"
    case .xRealIP: "x-real-ip"
    case .forwarded: "forwarded"
    case .xRequestID: "x-request-id"
    case .traceparent: "traceparent"
    case .tracestate: "tracestate"
    case .idempotencyKey: "idempotency-key"
    case .retryAfter: "retry-after"
    case .retryAfterMs: "retry-after-ms"
    case .xShouldRetry: "x-should-retry"
    case .contentType: "content-type"
    case .contentEncoding: "content-encoding"
    case .contentDisposition: "content-disposition"
    case .contentRange: "content-range"
    case .accept: "accept"
    case .acceptEncoding: "accept-encoding"
    case .openaiBeta: "openai-beta"
    case .openaiOrganization: "openai-organization"
    case .openaiProject: "openai-project"
    case .openaiVersion: "openai-version"
    case .openaiProcessingMs: "openai-processing-ms"
    case .anthropicVersion: "anthropic-version"
    case .anthropicBeta: "anthropic-beta"
    case .date: "date"
    case .server: "server"
    case .cacheControl: "cache-control"
    case .location: "location"
    case .allow: "allow"
    case .vary: "vary"
    case .etag: "etag"
    case .lastModified: "last-modified"
    }
  }
}
