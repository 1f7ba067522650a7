import Foundation
import Glibc
import TestKit

/// A Redis of this test's own, on a socket in a directory of its own, and a connection to it. Nil where no redis-server or valkey-server is installed.
final class RedisFixture {
  private let directory: TemporaryDirectory
  private let process = Process()
  private var socket: Int32 = -1
  private var received: [UInt8] = []

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  indirect enum Reply {
    case integer(Int)
    case text(String)
    case list([Reply])
    case none

    var integers: [Int] {
      guard case .list(let items) = self else { return [] }
      return items.compactMap { if case .integer(let value) = $0 { value } else { nil } }
    }
  }

  static var program: String? {
    let directories = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    for name in ["redis-server", "valkey-server"] {
      for directory in directories where access("\(directory)/\(name)", X_OK) == 0 { return "\(directory)/\(name)" }
    }
    return nil
  }

  init() throws {
    directory = try TemporaryDirectory()
    guard let program = Self.program else { throw Failure(description: "no redis-server") }
    let path = directory.file("redis.sock")
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", directory.path]
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    guard waitUntil(timeout: .seconds(20), { connect(to: path) }) else {
      throw Failure(description: "\(program) does not listen")
    }
  }

  deinit {
    if socket >= 0 { close(socket) }
    // Not `terminate`: children of a test run inherit a mask that blocks SIGTERM.
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  private func connect(to path: String) -> Bool {
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    let done = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if done != 0 {
      close(socket)
      socket = -1
    }
    return done == 0
  }

  /// Sends one command and waits for its reply; an error of the server is thrown.
  @discardableResult
  func command(_ words: [String]) throws -> Reply {
    var request = Array("*\(words.count)\r\n".utf8)
    for word in words { request += Array("$\(word.utf8.count)\r\n\(word)\r\n".utf8) }
    var sent = 0
    while sent < request.count {
      let count = request[sent...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Failure(description: "send: \(errno)") }
      sent += count
    }
    return try reply()
  }

  private func reply() throws -> Reply {
    let text = try line()
    let rest = String(text.dropFirst())
    switch text.first {
    case "+": return .text(rest)
    case ":": return .integer(Int(rest) ?? 0)
    case "-": throw Failure(description: rest)
    case "$":
      guard let count = Int(rest), count >= 0 else { return .none }
      return .text(String(decoding: try bytes(count + 2).dropLast(2), as: UTF8.self))
    case "*":
      guard let count = Int(rest), count >= 0 else { return .none }
      return .list(try (0..<count).map { _ in try reply() })
    default: throw Failure(description: "not a reply: \(text)")
    }
  }

  private func line() throws -> String {
    while true {
      if let end = received.firstIndex(of: 13), end + 1 < received.count {
        defer { received.removeFirst(end + 2) }
        return String(decoding: received[..<end], as: UTF8.self)
      }
      try receive()
    }
  }

  private func bytes(_ count: Int) throws -> [UInt8] {
    while received.count < count { try receive() }
    defer { received.removeFirst(count) }
    return Array(received[..<count])
  }

  private func receive() throws {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(socket, &buffer, buffer.count, 0)
    guard count > 0 else { throw Failure(description: "recv: \(errno)") }
    received += buffer[..<count]
  }
}
