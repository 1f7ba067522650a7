import HTTPWire
import TestKit

@testable import Gateway

/// Parses a head of these fields and lends what the gateway is lent.
func withHead<Result>(
  _ fields: String, path: String = "/", _ body: (RequestHead, [HeaderField], RawSpan) throws -> Result
) throws -> Result {
  let bytes = Array("GET \(path) HTTP/1.1\r\nHost: t\r\n\(fields)\r\n".utf8)
  var parser = RequestHeadParser()
  guard case .head = try parser.parse(bytes.span.bytes) else { throw HeadError() }
  return try body(parser.head, parser.fields, bytes.span.bytes)
}

struct HeadError: Error {}
