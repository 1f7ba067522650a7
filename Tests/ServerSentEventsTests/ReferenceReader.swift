import ServerSentEvents

/// The standard's algorithm, taken literally and written without regard for speed: the whole stream is known, lines are
/// split first, then interpreted one by one (WHATWG HTML 9.2.6).
enum ReferenceReader {
  static func messages(of stream: [UInt8]) -> [SSEMessage] {
    var bytes = stream
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    var messages: [SSEMessage] = []
    var data: [UInt8] = []
    var hasData = false
    var eventName = ""
    var lastID = ""
    for line in completeLines(bytes) {
      if line.isEmpty {
        if hasData {
          data.removeLast()
          messages.append(
            SSEMessage(data: data, eventName: eventName.isEmpty ? "message" : eventName, lastEventID: lastID))
        }
        data = []
        hasData = false
        eventName = ""
        continue
      }
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      var value = parts.count > 1 ? Array(parts[1]) : []
      if value.first == UInt8(ascii: " ") { value.removeFirst() }
      switch String(decoding: parts[0], as: UTF8.self) {
      case "data":
        data += value + [0x0A]
        hasData = true
      case "event": eventName = String(decoding: value, as: UTF8.self)
      case "id": if !value.contains(0) { lastID = String(decoding: value, as: UTF8.self) }
      default: break
      }
    }
    return messages
  }

  /// Every line that has its terminator. What follows the last one never counts.
  private static func completeLines(_ bytes: [UInt8]) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var line: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x0D || bytes[index] == 0x0A {
        if bytes[index] == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { index += 1 }
        lines.append(line)
        line = []
      } else {
        line.append(bytes[index])
      }
      index += 1
    }
    return lines
  }
}
