import ChatProtocol
import Testing

@Suite("Finding the model in a multipart form")
struct MultipartScannerTests {
  private let boundary = Array("xYz".utf8)

  private func model(_ body: String) throws(MultipartError) -> String? {
    let bytes = Array(body.utf8)
    let range = try MultipartScanner.scan(bytes.span.bytes, boundary: boundary).model
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
    #expect(try model("\r\n" + field("") + "--xYz--\r\n \r\n") == "")
    #expect(try model(file + "--xYz--\r\n") == nil)
    #expect(try model("--xYz--") == nil)
  }

  @Test(
    "heads in every legal spelling",
    arguments: [
      "content-disposition:form-data;name=model", "CONTENT-DISPOSITION: Form-Data ; Name=\"model\"",
      "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"model\"",
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
      "Content-Disposition: form-data; name=", "Content-Disposition: form-data; name=\"mod\\el\"",
      "Content-Disposition: form-data; name*=utf-8''model",
      "Content-Disposition: form-data; name=\"a\"; name*=utf-8''model",
      "Content-Disposition: form-data; name*0=mo; name*1=del", "Content-Disposition: form-data; filename=\"model\"",
      "Content-Disposition: form-data; name=\"f\"; filename=\"a\\\"; name=\\\"model\"",
      "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=model",
    ])
  func badHeads(head: String) {
    #expect(throws: MultipartError.badPartHead(offset: 7)) { try model(part(head, "m") + "--xYz--") }
  }

  @Test(
    "a name that a lenient reader takes for the model's is refused",
    arguments: [
      "\"Model\"", "MODEL", "\"model[]\"", "\"model[0]\"", "\" model\"", "\"model \"", "\"%6dodel\"", "\"%4Dodel\"",
      "\"model.name\"", "\"mode\u{6c}[x]\"", "\"model%00x\"",
    ])
  func spellings(name: String) {
    let odd = part("Content-Disposition: form-data; name=\(name)", "big")
    for body in [field("small") + odd, odd + field("small"), odd] {
      let offset = body.hasPrefix(odd) ? 7 : field("small").utf8.count + 7
      #expect(throws: MultipartError.otherSpelling(offset: offset)) { try model(body + "--xYz--") }
    }
  }

  @Test("a model in another encoding is refused")
  func encoding() {
    let head = "Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: quoted-printable"
    #expect(throws: MultipartError.otherSpelling(offset: 7)) { try model(part(head, "=62ig") + "--xYz--") }
  }

  @Test("text outside the parts, and a boundary that is none, are refused: another reader may find a part there")
  func outside() {
    let behind = "--xYz--\r\n" + field("big")
    #expect(throws: MultipartError.textOutsideParts(offset: field("small").utf8.count + 9)) {
      try model(field("small") + behind + "--xYz--")
    }
    #expect(throws: MultipartError.textOutsideParts(offset: 0)) {
      try model("--xYz\n".replacing("xYz", with: "abc") + field("small") + "--xYz--")
    }
    for line in ["\n--xYz\n", "\r--xYz\r", " --xYz\r\n"] {
      let hidden = "x\(line)Content-Disposition: form-data; name=model\n\nbig"
      let head = "Content-Disposition: form-data; name=f"
      #expect(throws: MultipartError.boundaryInPart(offset: 7 + head.utf8.count + 4 + 2)) {
        try model(part(head, hidden) + field("small") + "--xYz--")
      }
    }
  }

  @Test("parts that name other models are noted, and file names may be what they are")
  func others() throws {
    for name in ["models", "fallbacks", "models[]", "Extra_Body"] {
      let body = Array((field("m") + part("Content-Disposition: form-data; name=\"\(name)\"", "b") + "--xYz--").utf8)
      #expect(try MultipartScanner.scan(body.span.bytes, boundary: boundary).otherModels != nil, "\(name)")
    }
    for filename in [
      "filename*=utf-8''m%C3%B6del.wav", "filename=\"C:\\dir\\a.wav\"", "filename=\"a\\\"b.wav\"", "filename=\"a;b\"",
    ] {
      let file = part("Content-Disposition: form-data; name=file; \(filename)", "x")
      #expect(try model(field("m") + file + "--xYz--") == "m", "\(filename)")
    }
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
      ("multipart/form-data; boundary=\"a \"", nil), ("multipart/form-data; boundary=\"a\\b\"", nil),
      ("multipart/form-data; boundary=a; boundary*=utf-8''b", nil),
    ])
  func boundaries(type: String, expected: String?) {
    let boundary = MultipartScanner.boundary(fromContentType: Array(type.utf8).span.bytes)
    #expect(boundary.map { String(decoding: $0, as: UTF8.self) } == expected)
  }
}
