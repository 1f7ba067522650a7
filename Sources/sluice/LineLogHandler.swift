import GatewayConfiguration
import Glibc
import Logging

/// swift-log's back end: one line a message on standard error, as JSON or as text. For what happens to the gateway itself; requests
/// have the access log.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  private let format: LogFormat
  private let label: String

  init(label: String, format: LogFormat, level: Logger.Level) {
    self.label = label
    self.format = format
    logLevel = level
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
    var line: String
    switch format {
    case .json:
      line = #"{"time":"\#(Self.time())","level":"\#(event.level)","event":\#(Self.quoted("\(event.message)"))"#
      for (key, value) in all { line += ",\(Self.quoted(key)):\(Self.quoted("\(value)"))" }
      line += "}\n"
    case .text:
      line = "\(Self.time()) \(event.level) \(event.message)"
      for (key, value) in all { line += " \(key)=\(Self.quoted("\(value)"))" }
      line += "\n"
    }
    StandardError.write(line)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += "?"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  private static func time() -> String {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    var seconds = wall.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 32)
    strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
