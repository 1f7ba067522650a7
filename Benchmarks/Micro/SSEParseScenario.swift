import CLinux
import ServerSentEvents

/// The event parser alone, on the upstream's own stream.
struct SSEParseScenario: Scenario {
  let name = "sse-parse"
  let summary = "the event parser alone: speed, allocations per event"

  /// A read takes 64 kB at most; so many events fit.
  private static let events = 240

  func run(_ bench: Bench) throws -> ScenarioReport {
    let stream = try Self.stream()
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    report.checked = try Self.check(stream.bytes, stream.payloads)
    let bytes = stream.bytes
    let ends = stream.ends
    try MicroRun.run(
      [
        MicroVariant(name: "full reads", bytes: bytes.count, units: Self.events) { Self.parseWhole(bytes) },
        MicroVariant(name: "one event a read", bytes: bytes.count, units: Self.events) {
          Self.parseSingly(bytes, ends)
        },
        MicroVariant(name: "memchr alone", bytes: bytes.count, units: Self.events) { Self.searchLines(bytes) },
      ], unit: "event", bench, into: &report)
    return report
  }

  // MARK: The work

  private static func parseWhole(_ bytes: [UInt8]) -> UInt64 {
    var parser = SSEParser()
    return count(&parser, bytes.span.bytes)
  }

  private static func parseSingly(_ bytes: [UInt8], _ ends: [Int]) -> UInt64 {
    var parser = SSEParser()
    var sum: UInt64 = 0
    var start = 0
    let all = bytes.span.bytes
    for end in ends {
      sum &+= count(&parser, all.extracting(start..<end))
      start = end
    }
    return sum
  }

  @inline(__always)
  private static func count(_ parser: inout SSEParser, _ bytes: RawSpan) -> UInt64 {
    var offset = 0
    var sum: UInt64 = 0
    while true {
      guard let step = try? parser.next(in: bytes, at: offset), case .event(let event) = step else { return sum }
      offset = event.bytes.upperBound
      sum &+= UInt64(event.data?.count ?? 0)
    }
  }

  /// What finding the line ends alone costs: the floor that the machine sets.
  private static func searchLines(_ bytes: [UInt8]) -> UInt64 {
    bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress else { return 0 }
      var position = 0
      var lines: UInt64 = 0
      while position < buffer.count, let found = memchr(base + position, 0x0a, buffer.count - position) {
        position = UnsafeRawPointer(found) - base + 1
        lines += 1
      }
      return lines
    }
  }

  // MARK: The sample and the check

  private static func stream() throws -> (bytes: [UInt8], ends: [Int], payloads: [[UInt8]]) {
    var bytes: [UInt8] = []
    var ends: [Int] = []
    var payloads: [[UInt8]] = []
    // Without the role, the end and what follows it: those are of another size.
    for payload in try UpstreamScript(textEvents: events, gapMilliseconds: 0).payloads()[1...events] {
      bytes += Array("data: ".utf8) + payload + [0x0a, 0x0a]
      ends.append(bytes.count)
      payloads.append(payload)
    }
    return (bytes, ends, payloads)
  }

  /// Every event, in order and unchanged, however the stream is cut.
  private static func check(_ bytes: [UInt8], _ payloads: [[UInt8]]) throws -> String {
    let sizes = [1, 7, 64, 261, 1448, 4096, bytes.count]
    for size in sizes {
      var reader = SSEStreamReader()
      var found: [[UInt8]] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        found += try reader.push(Array(bytes[start..<min(start + size, bytes.count)])).map(\.data)
      }
      guard found == payloads, reader.finish() == 0 else {
        throw BenchmarkError("\(found.count) of \(payloads.count) events, or changed ones, in reads of \(size) bytes")
      }
    }
    return
      "\(payloads.count) events unchanged in order, in reads of \(sizes.map(String.init).joined(separator: ", ")) bytes"
  }
}
