import CLinux
import Glibc
import Reactor

/// One request on a fresh connection, waiting for the answer: for references, readiness and the startup scenario.
enum PlainClient {
  struct Answer {
    var status: Int
    var isEventStream: Bool
    var body: [UInt8]
  }

  /// Asks and waits.
  ///
  /// - Returns: nil when nobody listens.
  /// - Throws: `BenchmarkError` when the answer is not whole within `timeoutSeconds`.
  static func ask(port: UInt16, _ request: [UInt8], timeoutSeconds: Int = 30) throws -> Answer? {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw BenchmarkError("no descriptor left") }
    defer { close(descriptor) }
    var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    Socket.disableDelay(descriptor)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { return nil }
    guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }

    var reader = ResponseReader()
    var body: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw BenchmarkError("port \(port): the answer ended after \(body.count) bytes of its body")
      }
      let progress = buffer.withUnsafeBytes { bytes in
        reader.feed(UnsafeRawBufferPointer(rebasing: bytes[..<count])) { body.append(contentsOf: $0) }
      }
      switch progress {
      case .unfinished: continue
      case .complete: return Answer(status: reader.status, isEventStream: reader.isEventStream, body: body)
      case .wrong(let why): throw BenchmarkError("port \(port): \(why)")
      }
    }
  }

  /// A port of the loopback interface that is free now.
  static func freePort() throws -> UInt16 {
    guard let any = SocketAddress(literal: "127.0.0.1", port: 0) else { throw BenchmarkError("no loopback address") }
    let descriptor = try Socket.listen(on: any)
    defer { Socket.close(descriptor) }
    guard let port = Socket.localAddress(descriptor)?.port else { throw BenchmarkError("no free port") }
    return port
  }
}
