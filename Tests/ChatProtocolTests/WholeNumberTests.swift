import ChatProtocol
import Testing

@Suite("Whole numbers in answers")
struct WholeNumberTests {
  @Test("are read as they are written")
  func numbers() {
    let read: [(text: String, value: Int?)] = [
      ("0", 0), ("7", 7), ("10", 10), ("1735689600", 1_735_689_600), ("-3", -3), ("2.0", 2), ("1e3", 1000),
      ("2.5", nil),
      ("1E2", 100), ("999999999999999999", 999_999_999_999_999_999), ("9223372036854775807", Int.max),
      ("9223372036854775808", nil), ("null", nil), ("\"7\"", nil),
    ]
    for (text, value) in read {
      for end in ["}", ",\"a\":1}", " }", "\n,\"a\":[]}"] {
        let fields = chunk(#"{"created":"# + text + end)
        #expect(fields.created == value && !fields.isMalformed, "\(text)\(end)")
      }
    }
  }

  @Test("are refused as JSON refuses them", arguments: ["01", "00", "7x", "1.", "1e", "1.e1", "+1", "", "7 7", "1_0"])
  func broken(text: String) {
    #expect(chunk(#"{"created":"# + text + "}").isMalformed)
    #expect(chunk(#"{"created":"# + text).isMalformed, "and cut off")
  }
}
