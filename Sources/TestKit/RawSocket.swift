internal import CLinux
internal import Glibc

/// A blocking TCP socket as the other side of what is tested. Every wait ends after five seconds with an error.
public final class RawSocket: @unchecked Sendable {
  /// A call of the system that failed.
  public struct Failure: Error, CustomStringConvertible {
    /// Which call.
    public let operation: String
    /// errno.
    public let code: Int32
    /// A failure of `operation`.
    public init(operation: String, code: Int32) {
      self.operation = operation
      self.code = code
    }

    /// Both.
    public var description: String { "\(operation): errno \(code)" }
  }

  /// The socket.
  public let descriptor: Int32
  /// The port that it listens on, or is connected to.
  public let port: UInt16

  private init(descriptor: Int32, port: UInt16) {
    self.descriptor = descriptor
    self.port = port
    var wait = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
  }

  deinit { close() }

  private var isClosed = false

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func withLoopback<Result>(
    _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var address = loopback(port)
    let size = MemoryLayout<sockaddr_in>.size
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
    }
  }

  private static func open() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(operation: "socket", code: errno) }
    return descriptor
  }

  /// Connects to a port of this machine.
  public static func connect(_ port: UInt16, receiveBuffer: Int32? = nil) throws -> RawSocket {
    let descriptor = try open()
    if var receiveBuffer {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, 4)
    }
    guard withLoopback(port, { Glibc.connect(descriptor, $0, $1) }) == 0 else {
      let code = errno
      Glibc.close(descriptor)
      throw Failure(operation: "connect", code: code)
    }
    return RawSocket(descriptor: descriptor, port: port)
  }

  /// Listens on a port of this machine; 0 lets the kernel choose.
  public static func listen(port: UInt16 = 0, backlog: Int32? = 128) throws -> RawSocket {
    let descriptor = try open()
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    guard withLoopback(port, { bind(descriptor, $0, $1) }) == 0,
      backlog.map({ Glibc.listen(descriptor, $0) == 0 }) ?? true
    else {
      throw Failure(operation: "listen", code: errno)
    }
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return RawSocket(descriptor: descriptor, port: UInt16(bigEndian: address.sin_port))
  }

  /// A port that is taken but refuses connections, for as long as the socket lives.
  public static func deaf() throws -> RawSocket { try listen(backlog: nil) }

  /// Takes the next connection.
  public func accept() throws -> RawSocket {
    while true {
      let accepted = Glibc.accept(descriptor, nil, nil)
      if accepted >= 0 { return RawSocket(descriptor: accepted, port: port) }
      guard errno == EINTR else { throw Failure(operation: "accept", code: errno) }
    }
  }

  /// Sends all of it.
  public func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Sends all of it.
  public func send(_ bytes: some Collection<UInt8>) throws {
    let bytes = Array(bytes)
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { raw in
        Glibc.send(descriptor, raw.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw Failure(operation: "send", code: errno)
      }
      sent += count
    }
  }

  /// Receives once; empty at the end.
  public func receive(max: Int = 65_536) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: max)
    while true {
      let count = recv(descriptor, &buffer, max, 0)
      if count >= 0 { return Array(buffer[..<count]) }
      guard errno == EINTR else { throw Failure(operation: "recv", code: errno) }
    }
  }

  /// Receives until `marker` has come; gives back everything.
  public func receive(until marker: String) throws -> String {
    var text: [UInt8] = []
    let marker = Array(marker.utf8)
    while !text.contains(marker) {
      let piece = try receive()
      guard !piece.isEmpty else {
        throw Failure(operation: "end before \(marker.count) marker bytes, got \(text.count) bytes", code: 0)
      }
      text += piece
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Receives exactly `count` bytes.
  public func receive(exactly count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      let piece = try receive(max: min(65_536, count - bytes.count))
      guard !piece.isEmpty else { throw Failure(operation: "end after \(bytes.count) of \(count)", code: 0) }
      bytes += piece
    }
    return bytes
  }

  /// Receives until the peer ends its side.
  public func receiveToEnd() throws -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let piece = try receive()
      if piece.isEmpty { return bytes }
      bytes += piece
    }
  }

  /// How the connection ended: 0 for a regular end, else errno; drops what still comes.
  public func endCode() -> Int32 {
    do {
      _ = try receiveToEnd()
      return 0
    } catch { return (error as? Failure)?.code ?? -1 }
  }

  /// Ends its own side.
  public func shutdownSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset.
  public func reset() {
    var lingering = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// Closes it, once.
  public func close() {
    guard !isClosed else { return }
    isClosed = true
    Glibc.close(descriptor)
  }
}
