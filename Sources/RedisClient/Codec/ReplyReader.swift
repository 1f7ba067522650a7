internal import CHiredis

/// The server's bytes become replies: `ReplyGate` in front, hiredis' reader behind it.
///
/// Not `Sendable`: it owns a C object, and belongs to one connection.
package struct ReplyReader: ~Copyable {
  private var gate: ReplyGate
  private let reader: UnsafeMutablePointer<redisReader>
  private var unread = 0
  private var violation: ReplyViolation?

  /// A reader at the beginning of a connection.
  package init(limits: ReplyLimits = ReplyLimits()) {
    gate = ReplyGate(limits: limits)
    guard let reader = redisReaderCreate() else { preconditionFailure("out of memory for a Redis reader") }
    self.reader = reader
  }

  deinit { redisReaderFree(reader) }

  /// Takes the next bytes of the connection. Then `next` until it gives nil.
  package mutating func feed(_ bytes: RawSpan) {
    guard violation == nil else { return }
    let verdict = gate.inspect(bytes)
    violation = verdict.violation
    unread &+= verdict.completedReplies
    guard verdict.admittedBytes > 0 else { return }
    let status = bytes.withUnsafeBytes { buffer in
      redisReaderFeed(reader, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), verdict.admittedBytes)
    }
    if status != REDIS_OK { refused() }
  }

  /// The next complete reply; nil when there is none.
  ///
  /// - Throws: the violation, once the replies in front of it are taken.
  package mutating func next() throws(ReplyViolation) -> RedisReply? {
    guard unread > 0 else {
      if let violation { throw violation }
      return nil
    }
    unread &-= 1
    var object: UnsafeMutableRawPointer?
    guard redisReaderGetReply(reader, &object) == REDIS_OK, let object else {
      refused()
      throw .refusedByReader
    }
    defer { freeReplyObject(object) }
    return Self.value(object.assumingMemoryBound(to: redisReply.self))
  }

  private mutating func refused() {
    violation = .refusedByReader
    unread = 0
  }

  /// Copies a reply out of hiredis' memory; no deeper than `depthMax`.
  private static func value(_ reply: UnsafePointer<redisReply>) -> RedisReply {
    switch reply.pointee.type {
    case REDIS_REPLY_STATUS: return .simple(String(decoding: bytes(reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: return .error(RedisServerError(line: bytes(reply)))
    case REDIS_REPLY_INTEGER: return .integer(reply.pointee.integer)
    case REDIS_REPLY_STRING: return .bulk([UInt8](bytes(reply)))
    case REDIS_REPLY_ARRAY:
      let count = reply.pointee.elements
      guard count > 0, let elements = reply.pointee.element else { return .array([]) }
      return .array(
        [RedisReply](unsafeUninitializedCapacity: count) { storage, initialized in
          for index in 0..<count {
            let element = elements[index].map { value($0) } ?? .null
            storage.initializeElement(at: index, to: element)
          }
          initialized = count
        })
    default: return .null
    }
  }

  private static func bytes(_ reply: UnsafePointer<redisReply>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len)
  }
}
