import HTTPWire
import Reactor
import Testing

@testable import Transport
import TestKit

@Suite("TLS towards upstreams", .serialized)
struct TLSTests {
  private static func context(
    host: String = "localhost", isLiteral: Bool = false, _ change: (inout TLSClientContext.Options) -> Void = { _ in }
  ) throws -> TLSClientContext {
    var options = TLSClientContext.Options(authorityFile: Certificates.file("ca.pem"))
    change(&options)
    return try TLSClientContext(host: host, isAddressLiteral: isLiteral, options: options)
  }

  /// A connected session.
  private func connected(_ server: TLSServer, _ context: TLSClientContext) throws -> UpstreamRig {
    let rig = UpstreamRig([try loopback(server.port)], tls: context)
    guard rig.holds(.connected) else {
      rig.shutDown()
      throw RawSocket.Failure(operation: "not connected: \(rig.owner.journal.entries)", code: 0)
    }
    return rig
  }

  private func get(_ path: String, on rig: UpstreamRig) -> String {
    let before = rig.owner.pieces.count
    let ends = rig.owner.journal.entries.filter { $0 == .last(isIdle: true) }.count
    rig.begin("GET \(path) HTTP/1.1\r\nhost: localhost\r\n\r\n")
    #expect(rig.holds(.last(isIdle: true), count: ends + 1))
    return String(decoding: rig.owner.pieces.entries.dropFirst(before).flatMap { $0 }, as: UTF8.self)
  }

  /// Why a connection was refused.
  private func refusal(_ port: UInt16, _ context: TLSClientContext) throws -> String? {
    let rig = UpstreamRig([try loopback(port)], tls: context)
    defer { rig.shutDown() }
    #expect(waitUntil { rig.owner.journal.count > 0 })
    #expect(rig.owner.journal.count == 1)
    guard case .connectFailed(.tlsFailed(let reason))? = rig.owner.journal.entries.first else { return nil }
    #expect(rig.isClosed)
    #expect(rig.reactor.sync { (rig.reactor.timerCount, rig.reactor.registeredCount) } == (0, 0))
    return reason
  }

  @Test(
    "the handshake checks the name, sends it, and agrees on HTTP/1.1", arguments: [TLSServer.Version.tls12, .tls13])
  func handshake(version: TLSServer.Version) throws {
    let server = try TLSServer(version)
    let rig = try connected(server, Self.context())
    defer { rig.shutDown() }
    #expect(
      get("/seen", on: rig) == "sni=localhost alpn=http/1.1 version=TLSv\(version.rawValue) client= resumed=False")
    #expect(get("/seen", on: rig).hasPrefix("sni=localhost"))
    #expect(rig.requestCount == 2)
  }

  @Test("a certificate for another name is refused")
  func wrongName() throws {
    let server = try TLSServer()
    #expect(
      try refusal(server.port, Self.context(host: "elsewhere.example"))?.lowercased().contains("mismatch") == true)
    let renamed = try Self.context { $0.serverName = "elsewhere.example" }
    #expect(try refusal(server.port, renamed)?.lowercased().contains("mismatch") == true)
  }

  @Test("an authority that is not trusted is refused, a laboratory may accept it")
  func unknownAuthority() throws {
    let server = try TLSServer()
    for file in [Certificates.file("other.pem"), nil] {
      let context = try Self.context { $0.authorityFile = file }
      #expect(try refusal(server.port, context)?.contains("certificate") == true)
    }
    let trusting = try Self.context {
      $0.authorityFile = nil
      $0.verifiesPeer = false
    }
    let rig = try connected(server, trusting)
    rig.shutDown()
  }

  @Test("an address literal is checked against the certificate's addresses, and no name is sent")
  func addressLiteral() throws {
    let server = try TLSServer()
    let rig = try connected(server, Self.context(host: "127.0.0.1", isLiteral: true))
    defer { rig.shutDown() }
    #expect(get("/seen", on: rig).hasPrefix("sni=None alpn=http/1.1"))
    #expect(try refusal(server.port, Self.context(host: "127.0.0.2", isLiteral: true))?.contains("mismatch") == true)
  }

  @Test("another name can be asked for than the URL's host")
  func serverName() throws {
    let server = try TLSServer()
    let rig = try connected(server, Self.context(host: "10.0.0.1", isLiteral: true) { $0.serverName = "localhost" })
    defer { rig.shutDown() }
    #expect(get("/seen", on: rig).hasPrefix("sni=localhost"))
  }

  @Test("a name that cannot be checked is refused, not left unchecked")
  func uncheckableName() throws {
    let server = try TLSServer()
    #expect(throws: TransportError.self) { try Self.context(host: "") }
    #expect(throws: TransportError.self) { try Self.context { $0.serverName = "" } }
    #expect(try refusal(server.port, Self.context(host: "not an address", isLiteral: true)) != nil)
  }

  @Test("files that cannot be used are named")
  func badFiles() throws {
    let missing = "/nonexistent/file.pem"
    func reason(_ change: (inout TLSClientContext.Options) -> Void) -> String {
      do {
        _ = try Self.context(change)
        return ""
      } catch { return "\(error)" }
    }
    #expect(reason { $0.authorityFile = missing }.contains(missing))
    #expect(reason { $0.certificateFile = missing }.contains(missing))
    let certificate = Certificates.file("client.pem")
    #expect(
      reason {
        $0.certificateFile = certificate
        $0.keyFile = Certificates.file("server.key")
      }.contains("server.key"))
  }

  @Test("a client certificate is shown where it is asked for", arguments: [TLSServer.Version.tls12, .tls13])
  func clientCertificate(version: TLSServer.Version) throws {
    let server = try TLSServer(version, asksForCertificate: true)
    let rig = try connected(
      server,
      Self.context {
        $0.certificateFile = Certificates.file("client.pem")
        $0.keyFile = Certificates.file("client.key")
      })
    defer { rig.shutDown() }
    #expect(get("/seen", on: rig).contains("client=gateway"))
    // Without one: TLS 1.2 refuses in the handshake, TLS 1.3 after it.
    let bare = UpstreamRig([try loopback(server.port)], tls: try Self.context())
    defer { bare.shutDown() }
    #expect(
      waitUntil {
        bare.owner.journal.entries.contains { event in
          switch event {
          case .connectFailed(.tlsFailed), .diedIdle: true
          default: false
          }
        }
      })
    #expect(bare.isClosed)
  }

  @Test("a second connection resumes the first one's session", arguments: [TLSServer.Version.tls12, .tls13])
  func resumption(version: TLSServer.Version) throws {
    let server = try TLSServer(version)
    let context = try Self.context()
    for number in 1...3 {
      let rig = try connected(server, context)
      defer { rig.shutDown() }
      #expect(get("/seen", on: rig).hasSuffix("resumed=\(number == 1 ? "False" : "True")"), "connection \(number)")
    }
  }

  @Test("session tickets that come behind the handshake are no late bytes", arguments: [false, true])
  func tickets(isChecked: Bool) throws {
    let server = try TLSServer(.tls13)
    let rig = try connected(server, Self.context())
    defer { rig.shutDown() }
    // The loop reads them, or the check before a request does.
    if isChecked { rig.settle() }
    #expect(get("/seen", on: rig).contains("TLSv1.3"))
    for _ in 0..<20 { rig.settle() }
    #expect(rig.isIdle)
  }

  @Test("bytes behind an answer end a session")
  func lateBytes() throws {
    let server = try TLSServer()
    let rig = try connected(server, Self.context())
    defer { rig.shutDown() }
    rig.begin("GET /push HTTP/1.1\r\nhost: x\r\n\r\n")
    #expect(waitUntil { rig.isClosed })
    #expect(rig.owner.text == "pushed", "\(rig.owner.journal.entries)")
  }

  @Test("a large body goes both ways unchanged, also when reading pauses", arguments: [false, true])
  func largeBody(pauses: Bool) throws {
    let server = try TLSServer()
    let rig = try connected(server, Self.context())
    defer { rig.shutDown() }
    if pauses {
      rig.reactor.sync {
        rig.owner.onBody = { session in
          session.setPaused(true)
          let again = Confined(session)
          rig.reactor.execute { again.value.setPaused(false) }
        }
      }
    }
    let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    let request = Array("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.count)\r\n\r\n".utf8) + body
    rig.reactor.sync { rig.session.begin(request, method: .post, receiver: rig.owner) }
    #expect(rig.holds(.last(isIdle: true), within: 10))
    // Compared outside #expect: should they differ, it would look for the shortest difference of millions of bytes, for hours.
    let isSame = rig.owner.body == body
    #expect(isSame)
  }

  @Test("a close-delimited answer is whole only with TLS' own goodbye")
  func closeNotify() throws {
    let server = try TLSServer()
    for (path, isWhole) in [("/clean", true), ("/cut", false), ("/half", false)] {
      let rig = try connected(server, Self.context())
      defer { rig.shutDown() }
      rig.begin("GET \(path) HTTP/1.1\r\nhost: x\r\n\r\n")
      #expect(waitUntil { rig.isOver })
      #expect(rig.owner.text == "hello")
      #expect(rig.isFailed == !isWhole, "\(path)")
    }
  }

  @Test("a peer that does not speak TLS, or hangs up in the handshake, is refused with a reason")
  func noTLS() throws {
    for answer in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
      let listener = try RawSocket.listen()
      let server = spawn {
        guard let peer = try? listener.accept() else { return }
        _ = try? peer.receive()
        try? peer.send(answer)
        peer.shutdownSending()
        _ = peer.endCode()
      }
      let reason = try refusal(listener.port, Self.context())
      #expect(reason != nil && reason != "unknown error")
      join(server)
    }
  }

  @Test("a handshake that does not go on ends in the connect time-out")
  func stalledHandshake() throws {
    let listener = try RawSocket.listen()
    let rig = UpstreamRig([try loopback(listener.port)], tls: try Self.context(), connectTimeout: .milliseconds(150))
    defer { rig.shutDown() }
    #expect(rig.holds(.connectFailed(.connectTimedOut)))
    #expect(rig.owner.journal.count == 1)
  }

  @Test("giving up in the middle of an answer closes at once")
  func abandon() throws {
    let server = try TLSServer()
    let rig = try connected(server, Self.context())
    defer { rig.shutDown() }
    rig.begin("GET /clean HTTP/1.1\r\nhost: x\r\n\r\n")
    rig.reactor.sync { rig.session.abandon() }
    rig.settle()
    #expect(rig.isClosed)
    #expect(rig.reactor.sync { rig.reactor.registeredCount } == 0)
  }
}
