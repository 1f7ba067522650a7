/// How much of a message a peer may make us look at. Every bound is in bytes unless its name says otherwise.
///
/// A parser refuses at the byte that passes a bound, not when the message is complete, so no bound can be used to
/// make the reader wait or hoard.
public struct HTTPLimits: Sendable, Equatable {
  /// The request line or status line without its CRLF. Beyond it a request gets 414.
  public var startLineBytesMax: Int
  /// The whole head, from the first byte of the start line to the empty line. Beyond it a request gets 431.
  public var headBytesMax: Int
  /// How many field lines a head may have. Beyond it a request gets 431.
  public var fieldCountMax: Int
  /// One field's name. Beyond it a request gets 431. At most 65,535.
  public var fieldNameBytesMax: Int
  /// What may stand after the size in one chunk line (RFC 9112 section 7.1.1).
  public var chunkExtensionBytesMax: Int
  /// All chunk extensions of one message together: a flood of small chunks with small extensions stops here.
  public var chunkExtensionBytesTotalMax: Int
  /// One chunk's payload. The sum over chunks is the reader's business: only it knows the route.
  public var chunkBytesMax: Int
  /// All trailer field lines of one message together.
  public var trailerBytesMax: Int

  /// Bounds for what clients send.
  public static let request = HTTPLimits(headBytesMax: 16 << 10)

  /// Bounds for what upstreams send: they add more and longer fields than clients do.
  public static let response = HTTPLimits(headBytesMax: 64 << 10)

  /// Makes bounds; a value below 1 counts as 1.
  public init(
    startLineBytesMax: Int = 8192, headBytesMax: Int = 16 << 10, fieldCountMax: Int = 100,
    fieldNameBytesMax: Int = 256, chunkExtensionBytesMax: Int = 256, chunkExtensionBytesTotalMax: Int = 16 << 10,
    chunkBytesMax: Int = Int(Int32.max), trailerBytesMax: Int = 8192
  ) {
    func bound(_ value: Int, _ most: Int) -> Int { min(max(value, 1), most) }
    self.startLineBytesMax = bound(startLineBytesMax, 1 << 24)
    self.headBytesMax = bound(headBytesMax, 1 << 24)
    self.fieldCountMax = bound(fieldCountMax, 1 << 16)
    self.fieldNameBytesMax = bound(fieldNameBytesMax, 65_535)
    self.chunkExtensionBytesMax = bound(chunkExtensionBytesMax, 65_535)
    self.chunkExtensionBytesTotalMax = bound(chunkExtensionBytesTotalMax, 1 << 24)
    self.chunkBytesMax = bound(chunkBytesMax, Int(UInt32.max))
    self.trailerBytesMax = bound(trailerBytesMax, 1 << 24)
  }
}
