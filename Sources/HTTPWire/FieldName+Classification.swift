extension FieldName {
  /// The name spelled by `count` bytes at `bytes`, letters of either case. The bytes must be tokens.
  ///
  /// The length leaves one to six candidates and each is one to three word compares, so a name costs a few
  /// nanoseconds. A test holds that every spelling is found here.
  static func classified(_ bytes: UnsafeRawPointer, count: Int) -> FieldName {
    @inline(__always) func spells(_ name: StaticString) -> Bool { ByteClass.isSpelled(bytes, count, name) }
    switch count {
    case 2:
      if spells("te") { return .te }
    case 3:
      if spells("via") { return .via }
    case 4:
      if spells("host") { return .host }
      if spells("date") { return .date }
      if spells("vary") { return .vary }
      if spells("etag") { return .etag }
    case 5:
      if spells("allow") { return .allow }
    case 6:
      if spells("expect") { return .expect }
      if spells("accept") { return .accept }
      if spells("server") { return .server }
      if spells("cookie") { return .cookie }
      if spells("origin") { return .origin }
    case 7:
      if spells("api-key") { return .apiKey }
      if spells("trailer") { return .trailer }
      if spells("upgrade") { return .upgrade }
    case 8:
      if spells("location") { return .location }
    case 9:
      if spells("x-api-key") { return .xApiKey }
      if spells("x-real-ip") { return .xRealIP }
      if spells("forwarded") { return .forwarded }
    case 10:
      if spells("connection") { return .connection }
      if spells("user-agent") { return .userAgent }
      if spells("tracestate") { return .tracestate }
      if spells("keep-alive") { return .keepAlive }
      if spells("set-cookie") { return .setCookie }
    case 11:
      if spells("traceparent") { return .traceparent }
      if spells("openai-beta") { return .openaiBeta }
      if spells("retry-after") { return .retryAfter }
    case 12:
      if spells("content-type") { return .contentType }
      if spells("x-request-id") { return .xRequestID }
    case 13:
      if spells("authorization") { return .authorization }
      if spells("cache-control") { return .cacheControl }
      if spells("content-range") { return .contentRange }
      if spells("last-modified") { return .lastModified }
    case 14:
      if spells("content-length") { return .contentLength }
      if spells("openai-project") { return .openaiProject }
      if spells("openai-version") { return .openaiVersion }
      if spells("anthropic-beta") { return .anthropicBeta }
      if spells("x-should-retry") { return .xShouldRetry }
      if spells("retry-after-ms") { return .retryAfterMs }
    case 15:
      if spells("x-forwarded-for") { return .xForwardedFor }
      if spells("idempotency-key") { return .idempotencyKey }
      if spells("accept-encoding") { return .acceptEncoding }
    case 16:
      if spells("x-forwarded-host") { return .xForwardedHost }
      if spells("proxy-connection") { return .proxyConnection }
      if spells("content-encoding") { return .contentEncoding }
      if spells("www-authenticate") { return .wwwAuthenticate }
    case 17:
      if spells("transfer-encoding") { return .transferEncoding }
      if spells("x-forwarded-proto") { return .xForwardedProto }
      if spells("anthropic-version") { return .anthropicVersion }
    case 18:
      if spells("proxy-authenticate") { return .proxyAuthenticate }
    case 19:
      if spells("openai-organization") { return .openaiOrganization }
      if spells("proxy-authorization") { return .proxyAuthorization }
      if spells("content-disposition") { return .contentDisposition }
    case 20:
      if spells("openai-processing-ms") { return .openaiProcessingMs }
    default: break
    }
    return .other
  }
}
