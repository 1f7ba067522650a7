import ChatProtocol
import Testing

@Suite("Finding the model in a multipart form")
struct MultipartScannerTests {
  private let boundary = Array("xYz".utf8)

  private func model(_ body: String) throws(MultipartError) -> String? {
    let bytes = Array(body.utf8)
    let range = try MultipartScanner.modelField(body: bytes.span.bytes, boundary: boundary)
    return range.map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  private func part(_ head: String, _ value: String) -> String { "--xYz\r\n\(head)\r\n\r\n\(value)\r\n" }

  private var file: String {
    part(
      "Content-Disposition: form-data; name=\"file\"; filename=\"a;name=model.wav\"\r\nContent-Type: audio/wav",
      "\r\n--xY model\r\n")
  }

  private func field(_ value: String) -> String { part("Content-Disposition: form-data; name=\"model\"", value) }

  @Test("the value is found before and behind a file")
  func order() throws {
    #expect(try model(field("whisper-1") + file + "--xYz--\r\n") == "whisper-1")
    #expect(try model(file + field("whisper-1") + "--xYz--") == "whisper-1")
    #expect(try model("preamble\r\n" + field("") + "--xYz--") == "")
    #expect(try model(file + "--xYz--\r\n") == nil)
    #expect(try model("--xYz--") == nil)
  }

  @Test(
    "heads in every legal spelling",
    arguments: [
      "content-disposition:form-data;name=model", "CONTENT-DISPOSITION: Form-Data ; Name=\"model\"",
      "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"model\"",
      "Content-Disposition: form-data; name=\"mod\\el\"; ",
      "Content-Disposition: form-data; filename=\"x\"; name=model",
    ])
  func heads(head: String) throws {
    #expect(try model(part(head, "m") + "--xYz--") == "m")
  }

  @Test("a second model is refused")
  func duplicate() {
    let first = field("a")
    #expect(throws: MultipartError.duplicateField(offset: first.utf8.count + 7)) {
      try model(first + field("b") + "--xYz--")
    }
  }

  @Test(
    "heads that two readers could read in two ways are refused",
    arguments: [
      "Content-Disposition: form-data; name=\"a\"; name=\"model\"", "Content-Disposition: form-data; name=\"model",
      "Content-Disposition: form-data;\r\n name=\"model\"", "Content-Disposition: form-data; name=\"a\"\nx: y",
      "Content-Disposition: attachment; name=\"model\"", "Content-Type: text/plain", "no colon",
      "Content-Disposition: form-data; name=model x", "Content-Disposition: form-data; name",
      "Content-Disposition: form-data; name=",
    ])
  func badHeads(head: String) {
    #expect(throws: MultipartError.badPartHead(offset: 7)) { try model(part(head, "m") + "--xYz--") }
  }

  @Test("bodies without an end, without a start, and with bounds exceeded")
  func broken() {
    #expect(throws: MultipartError.truncated) { try model("") }
    #expect(throws: MultipartError.truncated) { try model("nothing here") }
    #expect(throws: MultipartError.truncated) { try model(field("a")) }
    #expect(throws: MultipartError.truncated) { try model("--xYz\r\nContent-Disp") }
    #expect(throws: MultipartError.badBoundaryLine(offset: 5)) { try model("--xYzabc\r\n") }
    #expect(throws: MultipartError.badPartHead(offset: 7)) {
      try model(part("X: " + String(repeating: "a", count: 5000), "m") + "--xYz--")
    }
    #expect(throws: MultipartError.tooManyParts) {
      try model(String(repeating: part("Content-Disposition: form-data; name=a", ""), count: 257) + "--xYz--")
    }
  }

  @Test("cut anywhere, a body is refused and never traps")
  func cuts() {
    let whole = file + field("m") + "--xYz--"
    for end in 0..<whole.utf8.count {
      #expect(throws: MultipartError.self) { try model(String(decoding: Array(whole.utf8).prefix(end), as: UTF8.self)) }
    }
  }

  @Test(
    "the boundary of a content type",
    arguments: [
      ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"", "a b:c"),
      ("multipart/form-data; boundary=----WebKitFormBoundaryX1", "----WebKitFormBoundaryX1"),
      ("multipart/form-data", nil), ("multipart/mixed; boundary=a", nil), ("multipart/form-data; boundary=", nil),
      ("multipart/form-data; boundary=\"\"", nil), ("multipart/form-data; boundary=a; boundary=b", nil),
      ("multipart/form-data; boundary=\"a", nil), ("multipart/form-data; boundary=a b", nil), ("", nil),
      ("application/json", nil), ("multipart/form-data; boundary=" + String(repeating: "a", count: 71), nil),
      ("multipart/form-data; boundary=\"a \"", nil),
    ])
  func boundaries(type: String, expected: String?) {
    let boundary = MultipartScanner.boundary(fromContentType: Array(type.utf8).span.bytes)
    #expect(boundary.map { String(decoding: $0, as: UTF8.self) } == expected)
  }
}
