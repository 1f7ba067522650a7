internal import CLinux
internal import Glibc

/// A TCP client that blocks and sends exactly the bytes it is told: for tests of what goes over the wire.
///
/// Every wait is bounded by `timeout`, times `testPatience`.
///
/// `@unchecked Sendable`: one thread at a time uses it.
public final class RawClient: @unchecked Sendable {
  /// The longest that any one call waits.
  public var timeout: Duration
  private var descriptor: Int32
  private var unread: [UInt8] = []

  /// Connects to a port of the loopback address.
  ///
  /// - Parameter receiveBufferBytes: the socket's receive buffer, for slow-reader tests; nil leaves it to the kernel.
  public init(port: UInt16, timeout: Duration = .seconds(5), receiveBufferBytes: Int32? = nil) throws(TestKitError) {
    self.timeout = timeout
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TestKitError("cannot open a socket", code: errno) }
    if let receiveBufferBytes { set(SOL_SOCKET, SO_RCVBUF, receiveBufferBytes) }
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      let code = errno
      Glibc.close(descriptor)
      descriptor = -1
      throw TestKitError("cannot connect to port \(port)", code: code)
    }
  }

  /// The near end of a connection that a listener accepted.
  init(accepted descriptor: Int32, timeout: Duration = .seconds(5)) {
    self.timeout = timeout
    self.descriptor = descriptor
    set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  deinit { close() }

  private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }

  // MARK: Sending

  /// Sends all of `bytes`.
  public func send(_ bytes: some Collection<UInt8>) throws(TestKitError) {
    let bytes = Array(bytes)
    var sent = 0
    while sent < bytes.count {
      guard wait(for: Int16(POLLOUT)) else { throw TestKitError("the peer took no bytes in time") }
      let count = bytes.withUnsafeBytes { buffer in
        CLinux.send(descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count >= 0 || errno == EINTR else { throw TestKitError("cannot send", code: errno) }
      sent += max(0, count)
    }
  }

  /// Sends text as UTF-8.
  public func send(_ text: String) throws(TestKitError) { try send(text.utf8) }

  /// Sends a POST with a JSON body and the fields that it needs.
  public func post(_ path: String, _ body: String, headers: String = "") throws(TestKitError) {
    try send(
      "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
  }

  /// Ends the sending side; what the peer sends can still be read.
  public func halfClose() { shutdown(descriptor, Int32(SHUT_WR)) }

  // MARK: Reading

  /// What one read came to.
  public enum Read: Equatable, Sendable {
    /// These bytes.
    case bytes([UInt8])
    /// The peer has ended its side.
    case end
    /// The peer has reset the connection.
    case reset
    /// Nothing came in time.
    case timeout
  }

  /// Reads once: what has arrived, or arrives within `timeout`.
  public func readSome(timeout: Duration? = nil) -> Read {
    if !unread.isEmpty {
      defer { unread = [] }
      return .bytes(unread)
    }
    guard wait(for: Int16(POLLIN), timeout) else { return .timeout }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count > 0 { return .bytes(Array(buffer[..<count])) }
    return count == 0 ? .end : .reset
  }

  /// Reads until the peer ends or resets, or until nothing came for `timeout`; also says which.
  public func readAll(timeout: Duration? = nil) -> (bytes: [UInt8], ending: Read) {
    var all: [UInt8] = []
    while true {
      let read = readSome(timeout: timeout)
      guard case .bytes(let bytes) = read else { return (all, read) }
      all += bytes
    }
  }

  /// Reads up to and with `marker`; what follows is kept for the next read.
  public func read(until marker: String) throws(TestKitError) -> [UInt8] {
    let marker = Array(marker.utf8)
    var all: [UInt8] = []
    while true {
      let read = readSome()
      guard case .bytes(let bytes) = read else {
        let before = String(decoding: all.suffix(300), as: UTF8.self)
        throw TestKitError("\(read) before the awaited bytes, after '\(before)'")
      }
      let searched = max(0, all.count - marker.count)
      all += bytes
      if let end = Self.end(of: marker, in: all, from: searched) {
        unread = Array(all[end...])
        return Array(all[..<end])
      }
    }
  }

  /// Reads so many bytes; what follows is kept for the next read.
  public func read(count: Int) throws(TestKitError) -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count {
      let read = readSome()
      guard case .bytes(let bytes) = read else { throw TestKitError("\(read) after \(all.count) of \(count) bytes") }
      all += bytes
    }
    unread = Array(all[count...])
    return Array(all[..<count])
  }

  private static func end(of marker: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    guard bytes.count - start >= marker.count else { return nil }
    let found = bytes.withUnsafeBytes { bytes -> Int? in
      guard let base = bytes.baseAddress,
        let found = memmem(base + start, bytes.count - start, marker, marker.count)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
    return found.map { $0 + marker.count }
  }

  // MARK: Ends

  /// Closes the connection the regular way.
  public func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }

  /// Closes with a reset.
  public func reset() {
    var lingering = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  private func wait(for events: Int16, _ timeout: Duration? = nil) -> Bool {
    let limit = (timeout ?? self.timeout) * testPatience
    let milliseconds = limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000
    var waited = pollfd(fd: descriptor, events: events, revents: 0)
    while true {
      let count = poll(&waited, 1, Int32(clamping: milliseconds))
      if count >= 0 || errno != EINTR { return count > 0 }
    }
  }
}
