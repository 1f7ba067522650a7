import HTTPWire
import Testing

@Suite("Request targets") struct RequestTargetTests {
  @Test(
    "Paths that mean one thing only pass",
    arguments: [
      "", "/", "*", "/v1", "/v1/", "/v1/models/deepseek/r1", "/v1/models/gpt-4.1", "/a...", "/...", "/.hidden",
      "/a.b/..c",
      "/caf%C3%A9", "/a%20b", "/~x", "/a:b@c",
    ])
  func plain(_ path: String) { #expect(!isSuspicious(path)) }

  @Test(
    "Paths that two readers could take for two things do not",
    arguments: [
      "//", "/v1//models", "/v1//", "/..", "/../", "/a/../b", "/a/..", "/.", "/a/./b", "/%2e%2e/a", "/.%2E", "/%2e",
      "/a/%2E./",
      "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/a;b", "/;", "/a%3bb", "/a%00", "/a%0d%0a", "/a%7f", "/%252e%252e", "/a%",
      "/a%4", "/a%zz", "/a%4g", "..", "../a", "/a\u{00}",
    ])
  func suspicious(_ path: String) { #expect(isSuspicious(path)) }
}
