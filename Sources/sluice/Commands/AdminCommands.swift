import ArgumentParser
import CLinux
import GatewayConfiguration
import Glibc

/// `sluice status`
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Show the state of a running gateway: pools, connections, limits, configuration.")

  @OptionGroup var options: ConfigurationOptions

  func run() throws { print(try AdminClient(options).request("GET", "/status")) }
}

/// `sluice reload`
struct ReloadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reload", abstract: "Have a running gateway read its configuration again.")

  @OptionGroup var options: ConfigurationOptions

  func run() throws { print(try AdminClient(options).request("POST", "/reload")) }
}

/// Asks the admin port of a gateway on this machine.
struct AdminClient {
  private let listen: ListenAddress

  init(_ options: ConfigurationOptions) throws {
    let settings = try ConfigurationSource(given: options.config).loadOrExit()
    guard let admin = settings.admin else {
      Complaint.print("admin: the admin port is switched off in the configuration.")
      throw ExitCode(2)
    }
    listen = admin.listen
  }

  func request(_ method: String, _ path: String) throws -> String {
    let answer = try exchange(
      "\(method) \(path) HTTP/1.0\r\nhost: \(listen)\r\nx-sluice-admin: 1\r\ncontent-length: 0\r\n\r\n")
    guard let end = answer.range(ofHeadEnd: ()) else {
      Complaint.print("admin: \(listen) did not answer in HTTP.")
      throw ExitCode(1)
    }
    let body = String(answer[end...])
    guard answer.hasPrefix("HTTP/1.1 200") else {
      Complaint.print(body)
      throw ExitCode(1)
    }
    return body
  }

  private func exchange(_ request: String) throws -> String {
    let descriptor = socket(listen.host.contains(":") ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else {
      Complaint.print("admin: cannot open a socket: \(String(cString: strerror(errno))).")
      throw ExitCode(1)
    }
    defer { close(descriptor) }
    guard connect(descriptor) == 0 else {
      Complaint.print("admin: nothing listens on \(listen): \(String(cString: strerror(errno))).")
      throw ExitCode(1)
    }
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var request = request
    _ = request.withUTF8 { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    var answer: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while case let count = recv(descriptor, &piece, piece.count, 0), count > 0 { answer += piece[..<count] }
    return String(decoding: answer, as: UTF8.self)
  }

  private func connect(_ descriptor: Int32) -> Int32 {
    if listen.host.contains(":") {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = UInt16(clamping: listen.port).bigEndian
      inet_pton(AF_INET6, listen.host, &address.sin6_addr)
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(clamping: listen.port).bigEndian
    inet_pton(AF_INET, listen.host == "0.0.0.0" ? "127.0.0.1" : listen.host, &address.sin_addr)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}

extension String {
  /// Where a message's body begins.
  fileprivate func range(ofHeadEnd: Void) -> String.Index? {
    let bytes = Array(utf8)
    guard bytes.count >= 4 else { return nil }
    for start in 0...(bytes.count - 4) where bytes[start..<start + 4].elementsEqual([13, 10, 13, 10]) {
      return utf8.index(utf8.startIndex, offsetBy: start + 4)
    }
    return nil
  }
}
