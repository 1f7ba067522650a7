/// Elements at places that never move, in blocks: growing copies nothing, and who has an element's address may keep it as long as the table lives.
///
/// No array: each change of a part of an element in an array of arrays looks twice whether the storage is shared and four times at bounds, which was measured at a third of
/// what a request costs at its limits. A block that is big enough comes from the kernel page by page, as it is used.
struct PlaceTable<Element>: ~Copyable {
  /// Elements of a block, a power of two.
  private static var blockCount: Int { 1024 }

  private var blocks: ContiguousArray<UnsafeMutablePointer<Element>> = []
  /// Elements.
  private(set) var count = 0

  /// All places.
  var indices: Range<Int> { 0..<count }

  mutating func append(_ element: Element) {
    if count % Self.blockCount == 0 { blocks.append(.allocate(capacity: Self.blockCount)) }
    (blocks[count / Self.blockCount] + count % Self.blockCount).initialize(to: element)
    count += 1
  }

  /// The address of the element at a place, which must be one.
  @inline(__always)
  func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such place")
    return blocks[Int(UInt(bitPattern: index) / UInt(Self.blockCount))] + index % Self.blockCount
  }

  subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress { UnsafePointer(pointer(index)) }
    @inline(__always) unsafeMutableAddress { pointer(index) }
  }

  deinit {
    for (number, block) in blocks.enumerated() {
      block.deinitialize(count: min(Self.blockCount, count - number * Self.blockCount))
      block.deallocate()
    }
  }
}
