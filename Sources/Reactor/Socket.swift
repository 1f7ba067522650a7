internal import CLinux
internal import Glibc

/// The system calls on non-blocking TCP sockets, each with its traps (EINTR, SIGPIPE, partial results) handled once.
public enum Socket {
  /// What a read or a write came to.
  public enum Transfer: Equatable, Sendable {
    /// So many bytes; never zero.
    case bytes(Int)
    /// Nothing now: wait for readiness.
    case wouldBlock
    /// The peer has ended its side (reads only).
    case end
    /// The connection is broken; errno.
    case failed(Int32)
  }

  /// Receives once; the caller comes back when the socket is ready again (level-triggered).
  @inline(__always)
  public static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
    while true {
      let count = sluice_recv(descriptor, buffer.baseAddress, buffer.count, 0)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }
  }

  /// Whether bytes, an end or an error wait to be read. Takes nothing out.
  public static func hasInput(_ descriptor: Int32) -> Bool {
    var byte: UInt8 = 0
    while true {
      if sluice_recv(descriptor, &byte, 1, Int32(MSG_PEEK)) >= 0 { return true }
      if errno != EINTR { return errno != EAGAIN }
    }
  }

  /// Sends once; a short count means that the kernel's buffer is full.
  @inline(__always)
  public static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
    while true {
      let count = sluice_send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      if errno == EINTR { continue }
      return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }
  }

  /// Opens a listening socket. With SO_REUSEPORT every reactor has its own, and a new process can listen before the old one leaves.
  public static func listen(on address: SocketAddress, backlog: Int32 = 4096) throws(SystemCallError) -> Int32 {
    let descriptor = try bound(address, sharesPort: true)
    guard CLinux.listen(descriptor, backlog) == 0 else { throw closing(descriptor, "cannot listen on \(address)") }
    return descriptor
  }

  /// A socket with an address, which does not listen yet.
  static func bound(_ address: SocketAddress, sharesPort: Bool) throws(SystemCallError) -> Int32 {
    let descriptor = try open(address)
    set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    if sharesPort { set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
    if address.family == .ipv6 { set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
    guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
      throw closing(descriptor, "cannot listen on \(address)")
    }
    return descriptor
  }

  /// Begins to connect; readiness to write tells that it has ended, `connectError` how.
  public static func connect(to address: SocketAddress) throws(SystemCallError) -> Int32 {
    let descriptor = try open(address)
    disableDelay(descriptor)
    let result = address.withSockaddr { CLinux.connect(descriptor, $0, $1) }
    guard result == 0 || errno == EINPROGRESS || errno == EINTR else {
      throw closing(descriptor, "cannot connect to \(address)")
    }
    return descriptor
  }

  /// How a connect ended: 0, or errno.
  public static func connectError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return errno }
    return code
  }

  /// Accepts one connection: its descriptor, or -1 with errno as `failed`, or `wouldBlock`.
  static func accept(_ listener: Int32) -> (descriptor: Int32, address: SocketAddress?, outcome: Transfer) {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let descriptor = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        accept4(listener, address, &length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
      }
    }
    guard descriptor >= 0 else { return (-1, nil, errno == EAGAIN ? .wouldBlock : .failed(errno)) }
    disableDelay(descriptor)
    let address = withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0, length: length) }
    }
    return (descriptor, address, .bytes(1))
  }

  /// Sends small writes at once (TCP_NODELAY): an event must not wait for the next.
  public static func disableDelay(_ descriptor: Int32) {
    set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
  }

  /// Makes the coming `close` send a reset, so that the peer knows that the end is not a regular one.
  public static func resetOnClose(_ descriptor: Int32) {
    var lingering = linger(l_onoff: 1, l_linger: 0)
    _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
  }

  /// Ends the sending side; the peer reads an end, what it still sends can be read.
  public static func shutdownSending(_ descriptor: Int32) {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }

  /// Ends a connection in both directions while its descriptor stays open: whoever reads or writes it meets the end.
  public static func shutdownBoth(_ descriptor: Int32) {
    _ = shutdown(descriptor, Int32(SHUT_RDWR))
  }

  /// Closes a descriptor.
  public static func close(_ descriptor: Int32) { _ = CLinux.close(descriptor) }

  /// The local address of a bound socket, for instance to learn the port that the kernel chose for port 0.
  public static func localAddress(_ descriptor: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(descriptor, address, &length) == 0 ? SocketAddress(address, length: length) : nil
      }
    }
  }

  private static func open(_ address: SocketAddress) throws(SystemCallError) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.family == .ipv6 ? AF_INET6 : AF_INET, type, 0)
    guard descriptor >= 0 else { throw SystemCallError(code: errno, operation: "cannot open a socket") }
    return descriptor
  }

  private static func closing(_ descriptor: Int32, _ operation: String) -> SystemCallError {
    let code = errno
    close(descriptor)
    return SystemCallError(code: code, operation: operation)
  }

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}
