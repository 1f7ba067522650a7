import CLinux

/// Walks along the reference answer as an answer comes in, however it is cut into reads. A comparison by `memcmp` is cheaper
/// than a hash, and says where they part.
struct AnswerChecker {
  private(set) var offset = 0
  /// How many events have come whole.
  private(set) var events = 0

  /// Compares the next bytes. Calls `finished` with the index of each event that they complete.
  ///
  /// - Returns: false when a byte is not the reference's.
  @inline(__always)
  mutating func feed(
    _ input: UnsafeRawBufferPointer, _ reference: UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<Int>,
    finished: (Int) -> Void
  ) -> Bool {
    guard let received = input.baseAddress, let expected = reference.baseAddress else { return true }
    guard input.count <= reference.count - offset, memcmp(received, expected + offset, input.count) == 0 else {
      return false
    }
    offset += input.count
    while events < ends.count, ends[events] <= offset {
      finished(events)
      events += 1
    }
    return true
  }
}
