/// Elements at places that never move, in blocks: growing copies nothing, and who has an element's address may keep it as long as the table lives.
///
/// No array: each change of a part of an element in an array of arrays looks twice whether the storage is shared and four times at bounds, which was measured at a third of
/// what a request costs at its limits. A block that is big enough comes from the kernel page by page, as it is used.
struct PlaceTable<Element>: ~Copyable {
  /// Elements of a block, a power of two.
  private static var blockCount: Int { 1024 }

  /// The blocks, as many as there is room for.
  private var blocks = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(capacity: 1)
  private var room = 1
  private var blockCountInUse: Int { (count + Self.blockCount - 1) / Self.blockCount }
  /// Elements.
  private(set) var count = 0

  /// All places.
  var indices: Range<Int> { 0..<count }

  mutating func append(_ element: Element) {
    if count % Self.blockCount == 0 { addBlock() }
    (blocks[count / Self.blockCount] + count % Self.blockCount).initialize(to: element)
    count += 1
  }

  private mutating func addBlock() {
    let number = blockCountInUse
    if number == room {
      let more = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(capacity: 2 * room)
      more.moveInitialize(from: blocks, count: number)
      blocks.deallocate()
      (blocks, room) = (more, 2 * room)
    }
    (blocks + number).initialize(to: .allocate(capacity: Self.blockCount))
  }

  /// The address of the element at a place, which must be one.
  @inline(__always)
  func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such place")
    let index = UInt(bitPattern: index)
    return blocks[Int(index / UInt(Self.blockCount))] + Int(index % UInt(Self.blockCount))
  }

  subscript(index: Int) -> Element {
    @inline(__always) unsafeAddress { UnsafePointer(pointer(index)) }
    @inline(__always) unsafeMutableAddress { pointer(index) }
  }

  deinit {
    for number in 0..<blockCountInUse {
      blocks[number].deinitialize(count: min(Self.blockCount, count - number * Self.blockCount))
      blocks[number].deallocate()
    }
    blocks.deallocate()
  }
}
