/// A response read from a raw connection, head and body apart, body framing removed.
public struct RawResponse: Sendable {
  /// The status code; 0 if the first line is no status line.
  public let status: Int
  /// The head with its empty line.
  public let head: String
  /// The body without framing.
  public let body: [UInt8]
  /// Payload lengths of the chunks, when the body came in chunks.
  public let chunkCounts: [Int]

  /// The body as text.
  public var text: String { String(decoding: body, as: UTF8.self) }

  /// The value of the first header field called `name`, whatever its case.
  public func header(_ name: String) -> String? {
    for line in head.split(separator: "\r\n").dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[0].lowercased() == name.lowercased() {
        return String(parts[1].drop { $0 == " " })
      }
    }
    return nil
  }
}

extension RawClient {
  /// Reads one response to its end, interim ones (1xx) left out.
  ///
  /// - Parameter hasBody: false for the answer to HEAD.
  public func readResponse(hasBody: Bool = true) throws(TestKitError) -> RawResponse {
    while true {
      let head = String(decoding: try read(until: "\r\n\r\n"), as: UTF8.self)
      let words = head.split(separator: " ", maxSplits: 2)
      let status = words.count > 1 ? Int(words[1]) ?? 0 : 0
      if (100..<200).contains(status) { continue }
      let bare = RawResponse(status: status, head: head, body: [], chunkCounts: [])
      if !hasBody || status == 204 || status == 304 { return bare }
      if bare.header("transfer-encoding") == "chunked" {
        let (body, counts) = try readChunks()
        return RawResponse(status: status, head: head, body: body, chunkCounts: counts)
      }
      if let length = bare.header("content-length").flatMap({ Int($0) }) {
        return RawResponse(status: status, head: head, body: try read(count: length), chunkCounts: [])
      }
      return RawResponse(status: status, head: head, body: readAll().bytes, chunkCounts: [])
    }
  }

  private func readChunks() throws(TestKitError) -> (body: [UInt8], counts: [Int]) {
    var body: [UInt8] = []
    var counts: [Int] = []
    while true {
      let line = String(decoding: try read(until: "\r\n").dropLast(2), as: UTF8.self)
      guard let count = Int(line, radix: 16) else { throw TestKitError("'\(line)' is no chunk size") }
      let chunk = try read(count: count + 2)
      guard chunk.suffix(2) == [13, 10] else { throw TestKitError("a chunk does not end with CRLF") }
      if count == 0 { return (body, counts) }
      body += chunk.dropLast(2)
      counts.append(count)
    }
  }
}
