internal import CLinux

/// The addresses of this machine.
public enum NetworkInterfaces {
  /// All of them, at this moment; port 0.
  public static func addresses() -> [SocketAddress] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { return [] }
    defer { freeifaddrs(first) }
    var addresses: [SocketAddress] = []
    var next = first
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let address = entry.pointee.ifa_addr else { continue }
      let size =
        Int32(address.pointee.sa_family) == AF_INET6
        ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
      if let address = SocketAddress(address, length: socklen_t(size)) { addresses.append(address) }
    }
    return addresses
  }
}
