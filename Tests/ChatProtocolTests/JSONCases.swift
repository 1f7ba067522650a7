import ChatProtocol

/// JSON values that must be accepted.
let validValues: [String] = [
  // Numbers
  "0", "-0", "1", "-1", "10", "1234567890", "0.0", "0.5", "-0.5", "1.25", "123.456e78", "1e1", "1E1", "1e+1", "1e-1",
  "0e0",
  "0e+10", "1.0E+2", "-1.5e-7", "123456789012345678901234567890", "1e400", "-1e-400",
  "0.000000000000000000000000000001",
  // Literals
  "true", "false", "null",
  // Strings
  #""""#, #"" ""#, #""a""#, #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0000""#, #""\u00e9""#, #""\u00E9""#,
  #""\uD83D\uDE00""#, #""\ud83d\ude00\ud83d\ude00""#, #""\uDBFF\uDFFF""#, #""\uFFFF""#, #""\uFFFE""#, #""\uD7FF""#,
  #""\uE000""#, #""\\u0000""#, #""\\\"""#, #""a\/b""#, "\"\u{7F}\"", "\"é\"", "\"漢字\"", "\"🙂\"", "\"\u{10FFFF}\"",
  "\"\u{FFFF}\"", "\"\u{D7FF}\"", "\"\u{E000}\"", "\"\u{80}\"", "\"\u{7FF}\"", "\"\u{800}\"", "\"\u{10000}\"",
  "\"\u{2028}\"",
  "\"\u{FEFF}\"", #""/* no comment */""#, #""[{]}""#, #""1234567""#, #""12345678""#, #""123456789""#, #""1234567\n""#,
  #""12345678901234567890123456789012é""#,
  // Arrays and objects
  "[]", "[ ]", "[1]", "[1,2]", "[ 1 , 2 ]", "[[]]", "[[],[]]", "[[[1]],2]", "[null,1,\"a\",{},[]]", "[\n1\t,\r\n2]",
  "{}", "{ }", #"{"a":1}"#, #"{"a":1,"b":2}"#, #"{"a":{"a":{"a":{}}}}"#, #"{"":0}"#, #"{"a":1,"a":2}"#,
  #"{ "a" : [ ] }"#,
  #"{"a\u0062":1}"#, #"{"\n":"\n"}"#, #"[{"a":[{"b":[{}]}]}]"#, #"{"漢字":"é"}"#, "[[],{},[{}],{\"a\":[]}]",
  #"{"a":[1,{"b":2},[3]],"c":{"d":[4]}}"#, #"[1e1,-0.5,"x",[true,false]]"#,
]

/// A value that must be refused: why, and how many bytes into it.
struct InvalidValue {
  var bytes: [UInt8]
  var offset: Int
  var reason: JSONScanError.Reason

  init(_ bytes: [UInt8], _ offset: Int, _ reason: JSONScanError.Reason) {
    self.bytes = bytes
    self.offset = offset
    self.reason = reason
  }
}

private let invalidNumbers: [(String, Int, JSONScanError.Reason)] = [
  ("01", 0, .badNumber), ("-01", 0, .badNumber), ("00", 0, .badNumber), ("1.", 0, .badNumber), ("1.e1", 0, .badNumber),
  ("1e", 0, .badNumber), ("1e+", 0, .badNumber), ("1E-", 0, .badNumber), ("-", 0, .badNumber), ("-a", 0, .badNumber),
  ("--1", 0, .badNumber), ("+1", 0, .unexpectedByte), (".5", 0, .unexpectedByte), ("-.5", 0, .badNumber),
  ("1.2.3", 3, .unexpectedByte), ("1e1.5", 3, .unexpectedByte), ("0x1", 1, .unexpectedByte), ("1a", 1, .unexpectedByte),
  ("1 2", 2, .unexpectedByte), ("Infinity", 0, .unexpectedByte), ("NaN", 0, .unexpectedByte),
  ("-Infinity", 0, .badNumber),
  ("1_000", 1, .unexpectedByte), ("1,000", 2, .unexpectedByte), ("\u{FF11}", 0, .unexpectedByte),
]

private let invalidLiterals: [(String, Int, JSONScanError.Reason)] = [
  ("tru", 3, .unexpectedByte), ("trueX", 4, .unexpectedByte), ("True", 0, .unexpectedByte), ("nul", 3, .unexpectedByte),
  ("fals ", 4, .unexpectedByte), ("undefined", 0, .unexpectedByte), ("nil", 1, .unexpectedByte),
]

private let invalidStrings: [(String, Int, JSONScanError.Reason)] = [
  ("'a'", 0, .unexpectedByte), (#""\x""#, 1, .badEscape), (#""\a""#, 1, .badEscape), (#""\U0041""#, 1, .badEscape),
  (#""\u004""#, 1, .badEscape), (#""\u00G0""#, 1, .badEscape), (#""\u""#, 1, .badEscape), (#""a\'""#, 2, .badEscape),
  (#""\ud800""#, 1, .loneSurrogate), (#""ab\udc00""#, 3, .loneSurrogate), (#""\ud83d\ud83d""#, 1, .loneSurrogate),
  (#""\ud83dx""#, 1, .loneSurrogate), (#""\ud83d\n""#, 1, .loneSurrogate), (#""\ude00\ud83d""#, 1, .loneSurrogate),
  (#""\ud83d\u0041""#, 1, .loneSurrogate), (#""\ud83d\ude0""#, 7, .badEscape), ("\"\n\"", 1, .controlCharacter),
  ("\"a\tb\"", 2, .controlCharacter), ("\"\u{0}\"", 1, .controlCharacter), ("\"12345678\u{1F}\"", 9, .controlCharacter),
  ("\"a\" \"b\"", 4, .unexpectedByte), ("a", 0, .unexpectedByte), (#"\u0022a""#, 0, .unexpectedByte),
]

private let invalidContainers: [(String, Int, JSONScanError.Reason)] = [
  ("[1,]", 3, .unexpectedByte), ("[,1]", 1, .unexpectedByte), ("[1,,2]", 3, .unexpectedByte),
  ("[1 2]", 3, .unexpectedByte),
  ("[1}", 2, .unexpectedByte), ("[1:2]", 2, .unexpectedByte), ("[]]", 2, .unexpectedByte), ("{]", 1, .unexpectedByte),
  ("{\"a\"}", 4, .unexpectedByte), ("{\"a\":}", 5, .unexpectedByte), ("{\"a\" 1}", 5, .unexpectedByte),
  ("{a:1}", 1, .unexpectedByte), ("{1:1}", 1, .unexpectedByte), ("{\"a\":1,}", 7, .unexpectedByte),
  ("{,\"a\":1}", 1, .unexpectedByte), ("{\"a\":1 \"b\":2}", 7, .unexpectedByte), ("{\"a\"::1}", 5, .unexpectedByte),
  ("{\"a\":1]", 6, .unexpectedByte), ("{'a':1}", 1, .unexpectedByte), ("[[1]", 4, .unexpectedByte),
  ("[1]x", 3, .unexpectedByte), ("/* c */1", 0, .unexpectedByte), ("1//c", 1, .unexpectedByte),
  ("[\u{A0}]", 1, .unexpectedByte),
  ("[\u{C}]", 1, .unexpectedByte), ("[\u{0}]", 1, .unexpectedByte), ("\u{FEFF}1", 0, .unexpectedByte),
  ("[null,nul]", 9, .unexpectedByte),
]

private let invalidSequences: [[UInt8]] = [
  // Bytes that are no UTF-8: alone, overlong, surrogates, beyond U+10FFFF, cut short
  [0x80], [0xBF], [0xFF], [0xFE], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC3, 0x28], [0xE0, 0x80, 0x80],
  [0xE0, 0x9F, 0xBF], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
  [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF0, 0x28, 0x8C, 0xBC],
  [0xF0, 0x90, 0x28, 0xBC], [0xF0, 0x90, 0x8C, 0x28], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
  [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80],
]

/// JSON values that must be refused.
let invalidValues: [InvalidValue] =
  (invalidNumbers + invalidLiterals + invalidStrings + invalidContainers).map {
    InvalidValue(Array($0.0.utf8), $0.1, $0.2)
  }
  + invalidSequences.map { InvalidValue(Array("\"ab".utf8) + $0 + Array("\"".utf8), 3, .invalidUTF8) }
