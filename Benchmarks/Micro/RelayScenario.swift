import ChatProtocol
import HTTPWire
import Lifecycle
import Reactor
import TokenAccounting

/// What an event of a stream costs on its way from the upstream's buffer to the client's: read, counted and framed, without
/// sockets. Nothing may be allocated for it.
struct RelayScenario: Scenario {
  let name = "relay"
  let summary = "an answer's events through the pipeline, framed in place: time and allocations per event"

  /// A read takes 64 kB at most; so many events fit.
  private static let events = 200

  func run(_ bench: Bench) throws -> ScenarioReport {
    let stream = try Stream()
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    report.checked = try stream.check()
    let (paced, burst, scanned) = (Relay(), Relay(), stream.payloads)
    try MicroRun.run(
      [
        MicroVariant(name: "paced", bytes: stream.bytes.count, units: Self.events) { paced.pass(stream.events) },
        MicroVariant(name: "burst", bytes: stream.bytes.count, units: Self.events) { burst.pass([stream.bytes]) },
        MicroVariant(name: "chunk scan alone", bytes: stream.bytes.count, units: Self.events) {
          scanned.reduce(0) { $0 &+ UInt64(ChunkScanner.scan($1.span.bytes).texts.count) }
        },
      ], unit: "event", bench, into: &report)
    return report
  }

  /// The events of the benchmarks' own upstream, without the role and the end.
  private struct Stream {
    let payloads: [[UInt8]]
    let events: [[UInt8]]
    let bytes: [UInt8]

    init() throws {
      payloads = Array(
        try UpstreamScript(textEvents: RelayScenario.events, gapMilliseconds: 0).payloads()[1...RelayScenario.events])
      events = payloads.map { Array("data: ".utf8) + $0 + [0x0a, 0x0a] }
      bytes = Array(events.joined())
      guard bytes.count <= Reactor.readBytesMax else {
        throw BenchmarkError("a read does not hold \(bytes.count) bytes")
      }
    }

    /// Everything comes out again, event by event or at once.
    func check() throws -> String {
      for reads in [events, [bytes]] {
        let relay = Relay()
        var released: [UInt8] = []
        for read in reads { released.append(contentsOf: relay.take(read).map { Array($0) } ?? []) }
        guard released == bytes else { throw BenchmarkError("\(reads.count) reads released other bytes than came") }
      }
      return "\(events.count) events unchanged, one in each read and all in one"
    }
  }

  /// One answer that never ends, in a buffer like the reactor's.
  private final class Relay {
    private let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Reactor.headRoom + Reactor.readBytesMax + Reactor.tailRoom, alignment: 64)
    private var pipeline = AnswerPipeline(
      .chunks(choices: 1, keepsUsage: false), counter: AnswerCounter(.general), eventBytesMax: 8 << 20,
      tailRoom: Reactor.tailRoom)

    deinit { buffer.deallocate() }

    func pass(_ reads: [[UInt8]]) -> UInt64 {
      var sum: UInt64 = 0
      for read in reads {
        guard let released = take(read) else { continue }
        let start = ChunkWriter.writeSizeLine(
          count: released.count, before: released.startIndex, in: buffer)
        let end = ChunkWriter.writeChunkEnd(at: released.endIndex, in: buffer)
        sum &+= UInt64((end ?? 0) &- (start ?? 0))
      }
      return sum
    }

    /// A read, as the transport brings it; what may go.
    func take(_ read: [UInt8]) -> Slice<UnsafeMutableRawBufferPointer>? {
      let payload = Reactor.headRoom..<Reactor.headRoom + read.count
      read.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[payload]).copyMemory(from: $0) }
      guard case .inBuffer(let range) = try? pipeline.take(buffer, payload, isLast: false) else { return nil }
      return buffer[range]
    }
  }
}
