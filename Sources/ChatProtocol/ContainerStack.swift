/// What kind each open container is, one bit each. The innermost 64 are in one word; the others wait in `spilled`, so
/// that ordinary documents never touch memory for it.
struct ContainerStack {
  private(set) var count = 0
  private var kinds: UInt64 = 0
  private var spilled = InlineArray<16, UInt64>(repeating: 0)

  /// Whether the innermost container is an object.
  @inline(__always)
  var isInObject: Bool { kinds & 1 != 0 }

  /// Opens a container. The caller bounds the depth by `JSONLimits.depthCeiling`, which is what there is room for.
  @inline(__always)
  mutating func push(isObject: Bool) {
    if count & 63 == 0, count > 0 { spilled[((count >> 6) &- 1) & 15] = kinds }
    kinds = kinds &<< 1 | (isObject ? 1 : 0)
    count &+= 1
  }

  /// Closes the innermost container.
  @inline(__always)
  mutating func pop() {
    kinds &>>= 1
    count &-= 1
    if count & 63 == 0, count > 0 { kinds = spilled[((count >> 6) &- 1) & 15] }
  }
}
