internal import ChatProtocol
internal import Transport

/// What was found in a body: offsets into its bytes.
enum BodyFindings {
  case json(RequestFields)
  case multipart(MultipartFields)
  /// It is not read, or stays as it is.
  case opaque
}

/// A request's body as it came, owned once: every attempt's message is made of it, prompts are counted in it. One allocation for the bytes and what was found in
/// them.
final class RequestBody: ManagedBuffer<RequestBody.Header, UInt8>, OutgoingBytes {
  /// A body up to this size is kept in case that its prompt must be counted.
  static let keptBytesMax = 1 << 20

  struct Header {
    let count: Int
    let findings: BodyFindings
  }

  /// Copies bytes that do not outlive the call.
  static func copy(_ bytes: UnsafeRawBufferPointer, _ findings: BodyFindings) -> RequestBody {
    let made = create(minimumCapacity: bytes.count) { _ in Header(count: bytes.count, findings: findings) }
    made.withUnsafeMutablePointerToElements { target in
      if let base = bytes.baseAddress { UnsafeMutableRawPointer(target).copyMemory(from: base, byteCount: bytes.count) }
    }
    // `create` makes an instance of the class that it is called on, and tells so by its superclass alone.
    return unsafeDowncast(made, to: RequestBody.self)
  }

  /// Bytes that it has.
  var byteCount: Int { header.count }
  var findings: BodyFindings { header.findings }

  /// Lends the bytes.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeMutablePointers { header, elements in
      body(UnsafeRawBufferPointer(start: elements, count: header.pointee.count))
    }
  }
}
