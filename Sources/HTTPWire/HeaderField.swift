/// One header field as offsets into the bytes the head was parsed from: no copy, no allocation, 16 bytes.
public struct HeaderField: Sendable, Equatable {
  private let nameStart: UInt32
  private let valueStart: UInt32
  private let valueCount: UInt32
  private let nameCount: UInt16

  /// Which field it is.
  public let id: FieldName

  init(id: FieldName, name: Range<Int>, value: Range<Int>) {
    // The parsers bound a head at 16 MiB and a name at 65,535 bytes, so nothing is cut off here.
    self.id = id
    nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
    nameCount = UInt16(truncatingIfNeeded: name.count)
    valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
    valueCount = UInt32(truncatingIfNeeded: value.count)
  }

  /// Where the name stands; never empty.
  public var name: Range<Int> { Int(nameStart)..<Int(nameStart) &+ Int(nameCount) }

  /// Where the value stands, without surrounding white space; may be empty.
  public var value: Range<Int> { Int(valueStart)..<Int(valueStart) &+ Int(valueCount) }
}

extension [HeaderField] {
  /// Where the value of the first field with this name stands.
  public func firstValue(of id: FieldName) -> Range<Int>? {
    for field in self where field.id == id { return field.value }
    return nil
  }

  /// How many fields have this name: a credential that comes twice is refused, not chosen from.
  public func count(of id: FieldName) -> Int {
    var count = 0
    for field in self where field.id == id { count &+= 1 }
    return count
  }
}
