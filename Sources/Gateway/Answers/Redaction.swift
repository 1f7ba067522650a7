internal import CLinux

/// Keeps secrets out of what goes to a client.
enum Redaction {
  /// Whether `secret` stands in `bytes`.
  static func contains(_ secret: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard !secret.isEmpty, bytes.count >= secret.count, let base = bytes.baseAddress else { return false }
    return memmem(base, bytes.count, secret, secret.count) != nil
  }

  /// Overwrites each occurrence of `secret`.
  static func blank(_ secret: [UInt8], in bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { blank(secret, in: $0) }
  }

  /// An upstream's words without its secrets.
  static func cleaned(_ words: String?, without secrets: [[UInt8]]) -> String? {
    guard let words else { return nil }
    var bytes = Array(words.utf8)
    for secret in secrets { blank(secret, in: &bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Overwrites each occurrence of each secret in a range.
  static func blank(_ secrets: [[UInt8]], in buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>) {
    for secret in secrets { blank(secret, in: UnsafeMutableRawBufferPointer(rebasing: buffer[range])) }
  }

  /// Overwrites each occurrence of `secret`.
  private static func blank(_ secret: [UInt8], in bytes: UnsafeMutableRawBufferPointer) {
    guard !secret.isEmpty, let base = bytes.baseAddress else { return }
    var position = 0
    while position < bytes.count, let found = memmem(base + position, bytes.count - position, secret, secret.count) {
      memset(found, Int32(UInt8(ascii: "*")), secret.count)
      position = found - base + secret.count
    }
  }
}
