internal import CLinux
internal import Glibc

/// A listening socket of this machine whose connections are served by hand: for servers that do what no real one does.
public final class RawListener: @unchecked Sendable {
  /// Where it listens.
  public let port: UInt16
  private let descriptor: Int32

  /// Listens on a port that the kernel chooses.
  public init() throws(TestKitError) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw TestKitError("cannot open a socket", code: errno) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    guard isListening else {
      let code = errno
      Glibc.close(descriptor)
      throw TestKitError("cannot listen", code: code)
    }
  }

  deinit { Glibc.close(descriptor) }

  /// The next connection.
  public func accept(timeout: Duration = .seconds(5)) throws(TestKitError) -> RawClient {
    let milliseconds = (timeout * testPatience).components.seconds * 1000
    var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&waited, 1, Int32(clamping: milliseconds))
      guard count > 0 else {
        if count < 0 && errno == EINTR { continue }
        throw TestKitError("nobody connected in time")
      }
      let accepted = accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
      guard accepted >= 0 else { throw TestKitError("cannot accept", code: errno) }
      return RawClient(accepted: accepted)
    }
  }
}
