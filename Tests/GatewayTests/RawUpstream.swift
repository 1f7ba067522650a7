import Foundation
import Glibc
import TestKit

/// An upstream that sends exactly these bytes for each connection's request, then closes, resets or waits: for what no script has.
///
/// `@unchecked Sendable`: its fields are set before its thread starts and never again.
final class RawUpstream: @unchecked Sendable {
  enum Ending { case close, reset, wait }

  let port: UInt16
  private let descriptor: Int32

  init(_ answer: String, ending: Ending) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound, listen(listener, 64) == 0 else { throw RawUpstreamError() }
    descriptor = listener
    port = UInt16(bigEndian: address.sin_port)
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(listener, Array(answer.utf8), ending)).toOpaque()
    pthread_create(
      &thread, nil,
      { work in
        guard let work else { return nil }
        Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run()
        return nil
      }, work)
    pthread_detach(thread)
  }

  struct RawUpstreamError: Error {}

  /// Wakes the thread, which closes the socket: closed here, its number could be another test's listener when the thread accepts again.
  deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

  private final class Work: Sendable {
    private let listener: Int32
    private let answer: [UInt8]
    private let ending: Ending

    init(_ listener: Int32, _ answer: [UInt8], _ ending: Ending) {
      self.listener = listener
      self.answer = answer
      self.ending = ending
    }

    func run() {
      var kept: [Int32] = []
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { break }
        guard readRequest(client) else {
          close(client)
          continue
        }
        _ = answer.withUnsafeBytes { send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        switch ending {
        case .wait: kept.append(client)
        case .close: close(client)
        case .reset:
          var lingering = linger(l_onoff: 1, l_linger: 0)
          // A reset would take the answer back from a peer that has not read it: it is given until its own end shows.
          var waited = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
          _ = poll(&waited, 1, 50)
          setsockopt(client, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
          close(client)
        }
      }
      for client in kept { close(client) }
      close(listener)
    }

    /// Reads until a request with its body is complete.
    private func readRequest(_ client: Int32) -> Bool {
      var all: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let text = String(decoding: all, as: UTF8.self)
        if let end = text.range(of: "\r\n\r\n") {
          let head = text[..<end.lowerBound].lowercased()
          let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).drop { $0 == " " }) }
          if text[end.upperBound...].utf8.count >= length ?? 0 { return true }
        }
        let count = recv(client, &buffer, buffer.count, 0)
        guard count > 0 else { return false }
        all += buffer[..<count]
      }
    }
  }
}
