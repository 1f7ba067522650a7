/// An array in blocks, for what may be many: growing copies nothing, leaves no holes in memory and wastes less than a block.
public struct BlockArray<Element> {
  /// Elements of a block, a power of two.
  @usableFromInline static var blockCount: Int { 1024 }

  @usableFromInline var blocks: ContiguousArray<ContiguousArray<Element>> = []
  /// Elements.
  public private(set) var count = 0

  /// An empty array.
  public init() {}

  /// All places.
  public var indices: Range<Int> { 0..<count }

  /// Adds an element.
  public mutating func append(_ element: Element) {
    if count % Self.blockCount == 0 {
      blocks.append([])
      // The first block grows as it needs; who has one full has many.
      if count > 0 { blocks[blocks.count - 1].reserveCapacity(Self.blockCount) }
    }
    blocks[blocks.count - 1].append(element)
    count += 1
  }

  /// The element at a place, which must be one.
  @inlinable
  public subscript(index: Int) -> Element {
    get { blocks[index / Self.blockCount][index % Self.blockCount] }
    _modify { yield &blocks[index / Self.blockCount][index % Self.blockCount] }
  }
}

extension BlockArray: Sendable where Element: Sendable {}
