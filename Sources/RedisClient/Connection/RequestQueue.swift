/// First in, first out, in a ring that grows: what waits for its reply.
struct RequestQueue<Element> {
  private var ring: ContiguousArray<Element?> = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  var first: Element? { count > 0 ? ring[head] : nil }

  mutating func append(_ element: Element) {
    if count == ring.count { grow() }
    ring[(head + count) & (ring.count - 1)] = element
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = ring[head]
    ring[head] = nil
    head = (head + 1) & (ring.count - 1)
    count -= 1
    return element
  }

  /// Changes each in place, first to last.
  mutating func forEach(_ body: (inout Element) -> Void) {
    for offset in 0..<count {
      let index = (head + offset) & (ring.count - 1)
      guard var element = ring[index] else { continue }
      body(&element)
      ring[index] = element
    }
  }

  /// Empties it.
  mutating func takeAll() -> [Element] {
    var all: [Element] = []
    all.reserveCapacity(count)
    while let element = popFirst() { all.append(element) }
    return all
  }

  private mutating func grow() {
    var grown = ContiguousArray<Element?>(repeating: nil, count: max(16, ring.count * 2))
    for offset in 0..<count { grown[offset] = ring[(head + offset) & (ring.count - 1)] }
    ring = grown
    head = 0
  }
}
