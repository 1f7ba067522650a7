import Foundation
import GatewayConfiguration
import HTTPWire
import Reactor
import TestKit
import Testing
import Transport
import Upstreams

@testable import Gateway

@Suite("What the gateway writes")
struct RecordTests {
  static let hostile = [
    "plain", "", "a\"b", "a\\", "a\r\nb: c", "\u{0}\u{1}\u{1F}\u{7F}", "\u{2028}é😀", "\",\"x\":\"", "</script>",
    String(repeating: "long\"", count: 2000),
  ]

  @Test("an error's body is valid JSON in OpenAI's form, whatever names stand in it")
  func errorBodies() throws {
    for name in Self.hostile {
      for error in [
        GatewayError.unknownModel(name, nearest: [name, "x"]), .modelNotAllowed(name, consumer: name),
        .totalTimeout(upstream: name), .refusedGateway(status: 401, words: name, upstream: name),
        .invalidAnswer(name, words: nil, upstream: name), .errorEvent(words: name, upstream: name),
        .foreignError(status: 429, words: name, upstream: name),
        .transport(.tlsFailed(name), upstream: name), .lease(.queueFull(maxQueue: 1), upstream: name),
        GatewayError(400, "t", "c", name, param: name),
      ] {
        let object = try errorObject(Dialect.openAIChat.body(of: error))
        #expect((object["message"] as? String)?.isEmpty == false || name.isEmpty)
        #expect(object["type"] is String && object["code"] is String && object.keys.contains("param"))
        var image = RequestImage()
        let place = StreamPlace(nil, &image, atLimit: false)
        let said = try #require(Dialect.openAIChat.event(of: error, in: place))
        let event = String(decoding: said, as: UTF8.self)
        #expect(event.hasPrefix("data: {") && event.hasSuffix("}\n\n"))
        #expect(!event.dropLast(2).contains { $0 == "\n" || $0 == "\r" || $0 == "\r\n" })
      }
    }
  }

  @Test("an access line is one line of valid JSON, whatever names stand in it")
  func accessLines() throws {
    let directory = try TemporaryDirectory()
    for format in [LogFormat.json, .text] {
      let file = directory.file("\(format)")
      let sink = try LogSink(file: file)
      var log = AccessLog(sink: sink)
      var settings = LogSettings()
      settings.format = format
      log.configure(settings)
      let began = MonotonicTime(nanoseconds: 1_000_000_000)
      for name in Self.hostile {
        var record = RequestRecord(id: RequestID(high: 1, low: 2), startedAt: began)
        record.path = name
        record.model = name
        record.consumer = name
        record.upstream = name
        record.clientAddress = name
        record.failures = [name, name]
        record.errorCode = name
        record.firstContentAt = began + .microseconds(1_005)
        log.append(&record, now: began + .microseconds(20_050))
      }
      log.flush()
      sink.close()
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let lines = text.unicodeScalars.split(separator: "\n").map { String(String.UnicodeScalarView($0)) }
      #expect(lines.count == Self.hostile.count)
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x7F })
      guard format == .json else { continue }
      for (line, name) in zip(lines, Self.hostile) {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["model"] as? String ?? "" == name)
        #expect(line.contains("\"duration_ms\":20.050") && line.contains("\"ttft_ms\":1.005"))
        #expect(line.contains("\"id\":\"00000000000000010000000000000002\""))
      }
    }
  }

  @Test("a request's id is the client's if it is plain, else 32 digits that never repeat")
  func requestIDs() throws {
    for (text, isTaken) in [
      ("abc", true), ("A-1/2:3=", true), (String(repeating: "x", count: 128), true),
      (String(repeating: "x", count: 129), false), ("", false), ("a b", false), ("a\"b", false), ("a\\b", false),
      ("a\rb", false), ("a\nb", false), ("a\tb", false), ("é", false), ("\u{7F}", false),
    ] {
      let bytes = Array("<\(text)>".utf8)
      let id = RequestID(given: 1..<bytes.count - 1, in: bytes.span.bytes)
      #expect((id != nil) == isTaken, "\(text)")
      if let id { #expect(id.text == text) }
    }
    #expect(
      RequestID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210).text == "0123456789abcdeffedcba9876543210")
    #expect(RequestID(high: 0xA0, low: 0).text == "00000000000000a00000000000000000")
    var generator = RequestIDGenerator()
    let ids = (0..<10_000).map { _ in generator.next().text }
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.utf8.count == 32 && $0.allSatisfy(\.isHexDigit) })
  }

  @Test("the date is an IMF-fixdate (RFC 9110 section 5.6.7)")
  func date() {
    #expect(HTTPDate.text(unixSeconds: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.text(unixSeconds: 0) == "Thu, 01 Jan 1970 00:00:00 GMT")
    #expect(HTTPDate.text(unixSeconds: 1_709_164_799) == "Wed, 28 Feb 2024 23:59:59 GMT")
    #expect(HTTPDate.text(unixSeconds: 1_709_164_800) == "Thu, 29 Feb 2024 00:00:00 GMT")
    var date = HTTPDate()
    let now = MonotonicTime(nanoseconds: 5)
    var first = OutputBytes()
    date.append(to: &first, now: now)
    #expect(first.array.starts(with: Array("date: ".utf8)) && first.array.suffix(2) == [13, 10])
    date.append(to: &first, now: now)
    #expect(first.array.prefix(first.count / 2) == first.array.suffix(first.count / 2))
  }

  @Test("a secret is blanked wherever it stands")
  func redaction() {
    func blanked(_ text: String, _ secret: String) -> String {
      var bytes = Array(text.utf8)
      Redaction.blank(Array(secret.utf8), in: &bytes)
      return String(decoding: bytes, as: UTF8.self)
    }
    #expect(blanked("key", "key") == "***")
    #expect(blanked("akeykeyb key", "key") == "a******b ***")
    #expect(blanked("ke", "key") == "ke")
    #expect(blanked("", "key") == "" && blanked("key", "") == "key")
    #expect(blanked("aaaaa", "aa") == "****a")
    #expect(blanked("kekey", "key") == "ke***")
  }

  @Test("an escaped path is read as RFC 3986 says; a broken escape stands for itself")
  func percentEncoding() {
    for (path, text) in [
      ("plain", "plain"), ("a%20b", "a b"), ("%C3%A9", "é"), ("a%2Fb", "a/b"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"),
      ("%+5", "%+5"), ("%-0", "%-0"), ("%41", "A"), ("a%4", "a%4"), ("%%41", "%A"), ("%FF", "\u{FFFD}"),
    ] {
      #expect(PercentEncoding.decode(Array(path.utf8).span.bytes) == text, "\(path)")
    }
  }
}
