/// A run of a stream's items as the bytes that go over the wire, framing included.
final class WirePage {
  /// The first item's index.
  let firstItem: Int
  /// The bytes.
  let bytes: [UInt8]
  /// Where each item ends in `bytes`. With chunks that disregard events an item may end inside a chunk.
  let ends: [Int]

  /// Renders the items `range` of `plan`.
  init(_ plan: StreamPlan, _ range: Range<Int>, framing: Script.Framing) {
    firstItem = range.lowerBound
    var writer = PageWriter(isChunked: framing == .chunked, chunkSplit: plan.script.chunkSplit)
    var payload: [UInt8] = []
    var payloads: [[UInt8]] = []
    var ends: [Int] = []
    for index in range {
      payload.removeAll(keepingCapacity: true)
      plan.append(index, to: &payload)
      switch plan.item(index) {
      case .noChunk: writer.bytes.append("zz\r\nno chunk\r\n")
      case .half: writer.writeHalf(payload)
      default:
        if writer.splitsChunks {
          // Chunks need to know what follows; so these are written when all are there.
          payloads.append(payload)
          continue
        }
        writer.write(payload)
      }
      ends.append(writer.bytes.count)
    }
    if !payloads.isEmpty { ends = writer.writeSplit(payloads) + ends }
    if range.upperBound == plan.itemCount, plan.ending == .complete, framing == .chunked {
      writer.bytes.append("0\r\n\r\n")
      if !ends.isEmpty { ends[ends.count - 1] = writer.bytes.count }
    }
    bytes = writer.bytes
    self.ends = ends
  }
}

/// Puts payloads into chunks.
private struct PageWriter {
  let isChunked: Bool
  let chunkSplit: Int
  var bytes: [UInt8] = []

  var splitsChunks: Bool { isChunked && chunkSplit > 0 }

  mutating func write(_ payload: [UInt8]) {
    guard isChunked else { return bytes.append(contentsOf: payload) }
    beginChunk(payload.count)
    bytes.append(contentsOf: payload)
    bytes.append("\r\n")
  }

  /// A chunk that promises the whole event and holds half of it.
  mutating func writeHalf(_ payload: [UInt8]) {
    if isChunked { beginChunk(payload.count) }
    bytes.append(contentsOf: payload[..<(payload.count / 2)])
  }

  /// Cuts all payloads, joined, into chunks of `chunkSplit` bytes; gives back where each payload ends on the wire.
  mutating func writeSplit(_ payloads: [[UInt8]]) -> [Int] {
    var left = payloads.reduce(0) { $0 + $1.count }
    var leftInChunk = 0
    return payloads.map { payload in
      var at = 0
      while at < payload.count {
        if leftInChunk == 0 {
          leftInChunk = min(chunkSplit, left)
          beginChunk(leftInChunk)
        }
        let count = min(leftInChunk, payload.count - at)
        bytes.append(contentsOf: payload[at..<at + count])
        at += count
        left -= count
        leftInChunk -= count
        if leftInChunk == 0 { bytes.append("\r\n") }
      }
      return bytes.count
    }
  }

  private mutating func beginChunk(_ count: Int) {
    bytes.append(String(count, radix: 16))
    bytes.append("\r\n")
  }
}
