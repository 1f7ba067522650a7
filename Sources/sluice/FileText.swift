import Glibc

/// Whole files in and out of memory.
enum FileText {
  /// - Throws: words for the operator.
  static func read(_ path: String, bytesMax: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try readParts(path, bytes: 65_536) { part in
      bytes += part
      guard bytes.count <= bytesMax else { throw SourceError("\(path): larger than \(bytesMax) bytes.") }
    }
    return bytes
  }

  /// Hands over a file, `-` being standard input, in parts of `bytes` bytes; the last may be shorter.
  static func readParts(_ path: String, bytes: Int, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
    let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SourceError("\(path): cannot be opened: \(String(cString: strerror(errno))).") }
    defer { if path != "-" { close(descriptor) } }
    // At least so much at once, however small the parts are.
    var buffer = [UInt8](repeating: 0, count: max(65_536 / bytes * bytes, bytes))
    var filled = 0
    while true {
      let count = buffer.withUnsafeMutableBytes { buffer in
        Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw SourceError("\(path): cannot be read: \(String(cString: strerror(errno))).") }
      filled += count
      if filled == buffer.count || count == 0 {
        for start in stride(from: 0, to: filled, by: bytes) { try body(buffer[start..<min(start + bytes, filled)]) }
        filled = 0
      }
      if count == 0 { return }
    }
  }

  /// Writes a file beside its place, then moves it there: a reader sees the old one or the new one.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let draft = path + ".new"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw SourceError("\(draft): cannot be written: \(String(cString: strerror(errno))).")
    }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        close(descriptor)
        unlink(draft)
        throw SourceError("\(draft): cannot be written: \(String(cString: strerror(errno))).")
      }
      written += count
    }
    guard fsync(descriptor) == 0, close(descriptor) == 0, rename(draft, path) == 0 else {
      throw SourceError("\(path): cannot be written: \(String(cString: strerror(errno))).")
    }
  }
}
