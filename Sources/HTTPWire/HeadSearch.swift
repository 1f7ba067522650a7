/// Keeps the cost of a head that comes in n pieces linear: it is parsed again only when a line may have ended.
enum HeadSearch {
  /// Below so many bytes every piece is parsed anew, so that noise in the first line is refused at once.
  private static let eagerBytes = 64

  /// Whether the bytes since the last look hold nothing that could end a line or pass a bound.
  static func canWait(_ bytes: UnsafeRawBufferPointer, _ searchedBytes: Int, _ limits: HTTPLimits) -> Bool {
    guard searchedBytes >= eagerBytes, searchedBytes <= bytes.count, bytes.count < limits.headBytesMax else {
      return false
    }
    // The piece with which the start line passes its bound, an empty line before it included, is looked at.
    let startLineEnd = limits.startLineBytesMax
    guard bytes.count < startLineEnd || searchedBytes > startLineEnd &+ 4 else { return false }
    return ByteClass.endOfText(bytes, from: searchedBytes, to: bytes.count) == bytes.count
  }
}
