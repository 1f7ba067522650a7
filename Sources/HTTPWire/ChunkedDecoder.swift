/// Decodes a chunked body (RFC 9112 section 7.1) over any split of the bytes, strictly and without copying.
///
/// A value of 32 bytes: it remembers where in the grammar it stands, never bytes. Extensions and trailers are checked,
/// bounded and skipped; so a `Content-Length` in a trailer has no effect. Errors carry the status for a request;
/// decoding a response, throw `error.inResponse`.
public struct ChunkedDecoder: Sendable, Equatable {
  /// What the bytes from an offset on are.
  public enum Step: Sendable, Equatable {
    /// Payload, never empty; go on at `next`.
    case payload(Range<Int>, next: Int)
    /// Every byte was used and the message is not over.
    case needMore
    /// The message is over, trailers included; what follows at `next` is not part of it.
    case end(next: Int)
  }

  private enum State: UInt8 {
    case sizeFirst, size, extensions, sizeEnd
    case payload, payloadCR, payloadLF
    case lineFirst, trailerName, trailerValue, trailerEnd, lastEnd
    case ended
  }

  /// In `size` the size so far, in `payload` what is missing of the chunk.
  private var remaining: Int = 0
  /// Extension bytes in this line, or trailer bytes.
  private var counted: UInt32 = 0
  private var extensionsTotal: UInt32 = 0
  private let extensionsTotalMax: UInt32
  private let chunkBytesMax: UInt32
  private let trailerBytesMax: UInt32
  private let extensionBytesMax: UInt16
  private var state = State.sizeFirst
  private var digits: UInt8 = 0

  /// A size has at most so many digits, leading zeros included.
  static let sizeDigitsMax: UInt8 = 16

  /// A decoder at the start of a body.
  public init(limits: HTTPLimits = .request) {
    extensionsTotalMax = UInt32(clamping: limits.chunkExtensionBytesTotalMax)
    chunkBytesMax = UInt32(clamping: limits.chunkBytesMax)
    trailerBytesMax = UInt32(clamping: limits.trailerBytesMax)
    extensionBytesMax = UInt16(clamping: limits.chunkExtensionBytesMax)
  }

  /// How many bytes of the chunk that has begun are still to come; 0 outside a chunk's payload.
  public var remainingInChunk: Int { state == .payload ? remaining : 0 }

  /// Whether a chunk's size line comes next: the place where a chunk of our own could be put in.
  public var isAtChunkBoundary: Bool { state == .sizeFirst }

  /// Whether the message is over. A connection that closes earlier has cut it short.
  public var isEnded: Bool { state == .ended }

  /// Says what stands at `offset` in `bytes`. Call again at `next` until `needMore` or `end`; then with new bytes.
  ///
  /// - Throws: the first defect; the decoder must not be used any more.
  public mutating func next(_ bytes: RawSpan, at offset: Int) throws(HTTPWireError) -> Step {
    try bytes.withUnsafeBytes { bytes throws(HTTPWireError) in try next(bytes, at: offset) }
  }

  @inline(__always)
  mutating func next(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(HTTPWireError) -> Step {
    var at = max(offset, 0)
    let end = bytes.count
    while true {
      if state == .ended { return .end(next: min(at, end)) }
      if at >= end { return .needMore }
      if state == .payload {
        let count = min(remaining, end &- at)
        remaining &-= count
        if remaining == 0 { state = .payloadCR }
        return .payload(at..<at &+ count, next: at &+ count)
      }
      try framing(bytes[at])
      at &+= 1
    }
  }

  /// One byte that is not payload. Chunk lines have a handful of bytes, so byte by byte is fast enough here.
  @inline(__always)
  private mutating func framing(_ byte: UInt8) throws(HTTPWireError) {
    switch state {
    case .sizeFirst:
      remaining = 0
      digits = 0
      counted = 0
      guard ByteClass.hexValue(byte) != nil else { throw HTTPWireError(.badChunkSize) }
      try size(byte)
      state = .size
    case .size:
      try size(byte)
    case .extensions:
      try extensionByte(byte)
    case .sizeEnd:
      guard byte == ByteClass.lineFeed else { throw HTTPWireError(.bareCarriageReturn) }
      counted = 0
      state = remaining == 0 ? .lineFirst : .payload
    case .payloadCR:
      guard byte == ByteClass.carriageReturn else { throw HTTPWireError(.missingChunkEnd) }
      state = .payloadLF
    case .payloadLF:
      guard byte == ByteClass.lineFeed else { throw HTTPWireError(.missingChunkEnd) }
      state = .sizeFirst
    case .lineFirst, .trailerName, .trailerValue, .trailerEnd, .lastEnd:
      try trailer(byte)
    case .payload, .ended:
      break
    }
  }

  private mutating func size(_ byte: UInt8) throws(HTTPWireError) {
    if let digit = ByteClass.hexValue(byte) {
      digits &+= 1
      guard digits <= Self.sizeDigitsMax else { throw HTTPWireError(.badChunkSize) }
      // The bound has 32 bits at most and is held before each shift, so this cannot overflow.
      remaining = remaining &<< 4 | Int(digit)
      guard remaining <= Int(chunkBytesMax) else { throw HTTPWireError(.chunkTooLarge) }
    } else if byte == ByteClass.carriageReturn {
      state = .sizeEnd
    } else if byte == UInt8(ascii: ";") {
      state = .extensions
      try countExtension()
    } else {
      throw HTTPWireError(byte == ByteClass.lineFeed ? .bareLineFeed : .badChunkSize)
    }
  }

  private mutating func extensionByte(_ byte: UInt8) throws(HTTPWireError) {
    switch byte {
    case ByteClass.carriageReturn: state = .sizeEnd
    case ByteClass.lineFeed: throw HTTPWireError(.bareLineFeed)
    case ByteClass.tab, 0x20...0x7E: try countExtension()
    default: throw HTTPWireError(.badChunkExtension)
    }
  }

  private mutating func countExtension() throws(HTTPWireError) {
    counted &+= 1
    extensionsTotal &+= 1
    if counted > UInt32(extensionBytesMax) || extensionsTotal > extensionsTotalMax {
      throw HTTPWireError(.chunkExtensionsTooLarge)
    }
  }

  /// Field lines after the last chunk, by the rules of a head, but each defect is a bad trailer.
  private mutating func trailer(_ byte: UInt8) throws(HTTPWireError) {
    if state == .lastEnd {
      guard byte == ByteClass.lineFeed else { throw HTTPWireError(.bareCarriageReturn) }
      state = .ended
      return
    }
    if state == .lineFirst, byte == ByteClass.carriageReturn {
      state = .lastEnd
      return
    }
    counted &+= 1
    if counted > trailerBytesMax { throw HTTPWireError(.trailersTooLarge) }
    if byte == ByteClass.lineFeed, state != .trailerEnd { throw HTTPWireError(.bareLineFeed) }
    switch state {
    case .lineFirst:
      guard ByteClass.isToken(byte) else { throw HTTPWireError(.badTrailer) }
      state = .trailerName
    case .trailerName:
      if byte == ByteClass.colon {
        state = .trailerValue
      } else if !ByteClass.isToken(byte) {
        throw HTTPWireError(.badTrailer)
      }
    case .trailerValue:
      if byte == ByteClass.carriageReturn {
        state = .trailerEnd
      } else if !ByteClass.isText(byte) {
        throw HTTPWireError(.badTrailer)
      }
    default:
      guard byte == ByteClass.lineFeed else { throw HTTPWireError(.bareCarriageReturn) }
      state = .lineFirst
    }
  }
}
