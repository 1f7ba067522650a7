import HTTPWire
import Testing

@Suite("Noise") struct HTTPWireFuzzTests {
  /// Bytes a parser finds interesting come more often than the others.
  private static let spicy = bytes("\r\n\r\n\t  ::;;,0123456789abcdefABCDEF/*GETPOSThttp.%?#\u{00}\u{7F}\u{FF}\u{16}")

  @Test("Random bytes never trap and never depend on how they are split")
  func noise() {
    let seed: UInt64 = 20_261_121
    var generator = SeededGenerator(seed: seed)
    print("noise seed \(seed)")
    var input: [UInt8] = []
    for _ in 0..<40_000 {
      input.removeAll(keepingCapacity: true)
      for _ in 0..<Int(generator.next() % 24) {
        let draw = generator.next()
        input.append(
          draw & 7 == 0 ? UInt8(truncatingIfNeeded: draw >> 8) : Self.spicy[Int(draw >> 8) % Self.spicy.count])
      }
      fuzzHTTP(input.span.bytes)
    }
  }

  @Test("Good and bad messages with bytes changed, dropped, doubled or swapped in never trap")
  func mutations() {
    let seed: UInt64 = 9112
    var generator = SeededGenerator(seed: seed)
    print("mutation seed \(seed)")
    let texts =
      requestsAccepted + responsesAccepted + chunkedAccepted.map(\.text) + requestRefusals.map(\.text)
      + responseRefusals.map(\.text) + chunkedRefusals.map(\.text)
    let samples = texts.map(bytes)
    for sample in samples { fuzzHTTP(sample.span.bytes) }
    for _ in 0..<20_000 {
      var input = samples[Int(generator.next() % UInt64(samples.count))]
      for _ in 0...Int(generator.next() % 3) { mutate(&input, samples, &generator) }
      fuzzHTTP(input.span.bytes)
    }
  }

  private func mutate(_ input: inout [UInt8], _ samples: [[UInt8]], _ generator: inout SeededGenerator) {
    guard !input.isEmpty else { return }
    let at = Int(generator.next() % UInt64(input.count))
    let length = min(Int(generator.next() % 8) + 1, input.count - at)
    switch generator.next() % 5 {
    case 0: input[at] = Self.spicy[Int(generator.next() % UInt64(Self.spicy.count))]
    case 1: input.removeSubrange(at..<at + length)
    case 2: input.insert(contentsOf: Array(input[at..<at + length]), at: at)
    case 3: input[at] ^= 1 << UInt8(generator.next() % 8)
    default:
      let other = samples[Int(generator.next() % UInt64(samples.count))]
      input.insert(contentsOf: other.prefix(Int(generator.next() % 40)), at: at)
    }
  }
}
