import TestKit

/// A conversation with a long history, as agents send it.
enum LongPrompt {
  /// About so long is a message's text.
  private static let messageBytes = 1_000
  /// Stands where a message's number is to be; nothing else in a request has so many zeros.
  private static let serial = "#" + String(repeating: "0", count: BenchmarkRequest.serialDigits)
  private static let words = """
    the a of to and in is that it for was on are as with they be at one have this from had by hot word but what some we can out other were all \
    there when up use your how said an each she which do their time if will way about many then them write would like so these her long make \
    thing see him two has look more day could go come did number sound no most people my over know water than call first who may down side been \
    now find gateway allowance upstream consumer candidate throughput reconsider understanding parameterised
    """.split(separator: " ")

  /// Messages, in turn of the user and of the assistant, with `bytes` bytes of text or a little more. The same for the same number.
  static func messages(bytes: Int) -> String {
    var generator = SeededGenerator(seed: 48)
    var messages: [String] = []
    var written = 0
    while written < bytes {
      var text = "Message \(serial):"
      while text.utf8.count < min(messageBytes, bytes - written) {
        text += " " + (words.randomElement(using: &generator) ?? "")
        if Int.random(in: 0..<12, using: &generator) == 0 {
          text += [".", ",", "?", ":\\n"].randomElement(using: &generator) ?? ""
        }
      }
      messages.append(#"{"role":"\#(messages.count % 2 == 0 ? "user" : "assistant")","content":"\#(text)"}"#)
      written += text.utf8.count
    }
    return "[" + messages.joined(separator: ",") + "]"
  }

  /// Where the digits of the messages' numbers begin in a request.
  static func serials(in bytes: [UInt8]) -> [Int] {
    let mark = Array(serial.utf8)
    return bytes.indices.dropLast(mark.count).filter {
      bytes[$0] == mark[0] && bytes[$0..<$0 + mark.count].elementsEqual(mark)
    }
    .map { $0 + 1 }
  }
}
