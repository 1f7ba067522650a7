internal import CLinux
internal import Glibc

/// Sockets between processes of one machine, which carry messages and copies of descriptors (SCM_RIGHTS). They have abstract names: no file is
/// left behind, and a name belongs to a network namespace as ports do. Non-blocking.
public enum LocalSocket {
  /// The most descriptors that one message carries.
  public static let descriptorsMax = Int(sluice_descriptors_max)

  /// The process at the other end, as the kernel knows it. Of a connection that was made to a name it is the one that listened first.
  public struct Peer: Sendable {
    /// Its number; 0 when it is in another PID namespace.
    public let process: Int32
    /// Its effective user.
    public let user: UInt32
  }

  /// Waits for connections under a name.
  ///
  /// - Throws: EADDRINUSE when another has it.
  public static func listen(_ name: String) throws(SystemCallError) -> Int32 {
    let descriptor = sluice_local_listen(name)
    guard descriptor >= 0 else { throw SystemCallError(code: errno, operation: "cannot listen on @\(name)") }
    return descriptor
  }

  /// Connects; the connection is there at once, accepted or not.
  ///
  /// - Throws: ECONNREFUSED when nobody has the name, EAGAIN when too many wait there.
  public static func connect(_ name: String) throws(SystemCallError) -> Int32 {
    let descriptor = sluice_local_connect(name)
    guard descriptor >= 0 else { throw SystemCallError(code: errno, operation: "cannot connect to @\(name)") }
    return descriptor
  }

  /// Takes a connection that waits; nil when there is none.
  public static func accept(_ listener: Int32) -> Int32? {
    let descriptor = accept4(listener, nil, nil, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
    return descriptor >= 0 ? descriptor : nil
  }

  /// Who is at the other end.
  public static func peer(_ descriptor: Int32) -> Peer? {
    var process: pid_t = 0
    var user: uid_t = 0
    return sluice_local_peer(descriptor, &process, &user) == 0 ? Peer(process: process, user: user) : nil
  }

  /// Sends one message with copies of descriptors; false when it cannot be sent now, or at all.
  public static func send(_ descriptor: Int32, _ message: String, _ descriptors: [Int32] = []) -> Bool {
    let bytes = Array(message.utf8)
    return sluice_send_descriptors(descriptor, bytes, bytes.count, descriptors, Int32(clamping: descriptors.count))
      == bytes.count
  }

  /// What a read from a connection came to.
  public enum Received: Equatable, Sendable {
    /// A message; the descriptors are the receiver's now.
    case message(String, [Int32])
    /// Nothing now.
    case wouldBlock
    /// The other end is gone, or the connection is broken.
    case end
  }

  /// Takes one message of at most 256 bytes.
  public static func receive(_ descriptor: Int32) -> Received {
    var bytes = [UInt8](repeating: 0, count: 256)
    var descriptors = [Int32](repeating: -1, count: descriptorsMax)
    var count: Int32 = 0
    while true {
      let size = sluice_receive_descriptors(descriptor, &bytes, bytes.count, &descriptors, &count)
      if size > 0 {
        return .message(String(decoding: bytes[..<size], as: UTF8.self), Array(descriptors[..<Int(count)]))
      }
      if size < 0, errno == EINTR { continue }
      return size < 0 && errno == EAGAIN ? .wouldBlock : .end
    }
  }

  /// Waits until there is something to receive; false when there was nothing until `deadline`. Blocks: not for reactors.
  public static func waitForInput(_ descriptor: Int32, until deadline: MonotonicTime) -> Bool {
    while true {
      let left = deadline.nanoseconds(since: MonotonicTime.readClock())
      guard left > 0 else { return false }
      var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      if poll(&waited, 1, Int32(clamping: (left &+ 999_999) / 1_000_000)) > 0 { return true }
    }
  }
}

extension Socket {
  /// Another descriptor for the same socket; nil when there is none left.
  public static func duplicate(_ descriptor: Int32) -> Int32? {
    let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    return copy >= 0 ? copy : nil
  }

  /// Whether a descriptor is a TCP socket that listens on `address`.
  public static func isListening(_ descriptor: Int32, on address: SocketAddress) -> Bool {
    sluice_is_listening(descriptor) == 1 && localAddress(descriptor) == address
  }

  /// Whether nobody listens on `address`, whether they would share it or not.
  public static func isFree(_ address: SocketAddress) -> Bool {
    guard let descriptor = try? bound(address, sharesPort: false) else { return false }
    close(descriptor)
    return true
  }
}
