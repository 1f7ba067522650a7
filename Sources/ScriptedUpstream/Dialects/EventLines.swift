/// The lines of an event stream (WHATWG HTML section 9.2).
struct EventLines: Sendable {
  /// What ends a line.
  let end: [UInt8]

  init(_ lineEnd: Script.LineEnd) {
    end =
      switch lineEnd {
      case .lf: [10]
      case .crlf: [13, 10]
      case .cr: [13]
      }
  }

  /// Appends an event with a type of its own, or with none.
  func append(event: String? = nil, data: String, to bytes: inout [UInt8]) {
    begin(event, &bytes)
    bytes.append(data)
    finish(&bytes)
  }

  /// Appends what comes before an event's data.
  func begin(_ event: String?, _ bytes: inout [UInt8]) {
    if let event {
      bytes.append("event: \(event)")
      bytes.append(contentsOf: end)
    }
    bytes.append("data: ")
  }

  /// Appends what ends an event.
  func finish(_ bytes: inout [UInt8]) {
    bytes.append(contentsOf: end)
    bytes.append(contentsOf: end)
  }

  /// Appends a comment as providers send it to say that they are alive.
  func appendComment(to bytes: inout [UInt8]) {
    bytes.append(": keep-alive")
    finish(&bytes)
  }
}
