/// The slots that a request holds: one inside itself, for more than one limit of concurrency are rare and an array would be an allocation.
struct SlotList: Sendable {
  private(set) var count = 0
  private var first = HeldSlot(entry: 0)
  private var rest: [HeldSlot] = []

  mutating func append(_ slot: HeldSlot) {
    if count == 0 { first = slot } else { rest.append(slot) }
    count += 1
  }

  /// One after the other.
  @inline(__always)
  func forEach(_ body: (HeldSlot) -> Void) {
    guard count > 0 else { return }
    body(first)
    if count > 1 { rest.forEach(body) }
  }
}
