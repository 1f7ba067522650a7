/// What happened at one byte, at most eight events: a number, because making the machine's table asks for it often.
struct EstimatorEvents: Hashable, ExpressibleByArrayLiteral {
  /// An event's raw value and 1, a byte each.
  private var bytes: UInt64 = 0

  init() {}
  init(arrayLiteral events: EstimatorEvent...) {
    for event in events { append(event) }
  }

  mutating func append(_ event: EstimatorEvent) {
    precondition(bytes >> 56 == 0, "no byte makes more than eight events happen")
    bytes = bytes << 8 | UInt64(event.rawValue + 1)
  }

  static func + (left: EstimatorEvents, right: EstimatorEvents) -> EstimatorEvents {
    if right.bytes == 0 { return left }
    var sum = left
    for event in right.list { sum.append(event) }
    return sum
  }

  /// The events, in order.
  var list: [EstimatorEvent] {
    (0..<8).reversed().compactMap { EstimatorEvent(rawValue: Int(bytes >> ($0 * 8) & 0xFF) - 1) }
  }
}
