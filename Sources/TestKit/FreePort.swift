internal import Glibc
internal import Reactor

/// A port of the loopback address that nobody listens on. It is not one that the kernel gives to those who ask for any, so that no other test is
/// given it meanwhile; and none is told twice.
public func freePort() throws(TestKitError) -> UInt16 {
  for _ in 0..<FreePorts.tries {
    let port = FreePorts.next.withLock { next in
      next = FreePorts.range.contains(next + 1) ? next + 1 : FreePorts.range.lowerBound
      return next
    }
    if try FreePorts.isFree(port) { return port }
  }
  throw TestKitError("cannot find a free port", code: EADDRINUSE)
}

private enum FreePorts {
  static let tries = 1000
  /// Below those of `net.ipv4.ip_local_port_range`, which begin at 32768 unless someone has changed them.
  static let range: Range<UInt16> = 20_000..<32_000
  /// Other processes begin elsewhere.
  static let next = Locked(UInt16.random(in: range))

  static func isFree(_ port: UInt16) throws(TestKitError) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw TestKitError("cannot open a socket", code: errno) }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
