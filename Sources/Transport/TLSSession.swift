internal import COpenSSL
internal import Glibc
internal import Reactor

/// TLS on one connected socket; OpenSSL reads and writes the descriptor itself. Confined to its connection's reactor.
package final class TLSSession {
  package enum Handshake {
    case done
    case wantsRead
    case wantsWrite
    case failed(String)
  }

  private let ssl: OpaquePointer
  /// Keeps the context (and its ticket callback's owner) alive.
  private let context: TLSClientContext

  init(ssl: OpaquePointer, context: TLSClientContext) {
    self.ssl = ssl
    self.context = context
  }

  deinit { SSL_free(ssl) }

  /// Whether the handshake resumed an earlier session.
  var isResumed: Bool { SSL_session_reused(ssl) == 1 }

  package func handshake() -> Handshake {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 { return .done }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .wantsRead
    case SSL_ERROR_WANT_WRITE: return .wantsWrite
    default:
      let verification = SSL_get_verify_result(ssl)
      if verification != Int(X509_V_OK) {
        return .failed(String(cString: X509_verify_cert_error_string(verification)))
      }
      return .failed(TLSClientContext.lastError())
    }
  }

  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Socket.Transfer {
    ERR_clear_error()
    let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return .bytes(Int(count)) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
    case SSL_ERROR_ZERO_RETURN: return .end
    // An end without TLS' own goodbye: an attacker could have cut it. `failed`, so that a close-delimited answer does not pass as whole.
    case SSL_ERROR_SYSCALL: return .failed(errno == 0 ? ECONNRESET : errno)
    default: return .failed(EPROTO)
    }
  }

  /// Whether plaintext, an end or an error waits. Session tickets that wait are taken in on the way.
  var hasInput: Bool {
    ERR_clear_error()
    var byte: UInt8 = 0
    let count = SSL_peek(ssl, &byte, 1)
    guard count <= 0 else { return true }
    let code = SSL_get_error(ssl, count)
    return code != SSL_ERROR_WANT_READ && code != SSL_ERROR_WANT_WRITE
  }

  func send(_ bytes: UnsafeRawBufferPointer) -> Socket.Transfer {
    guard !bytes.isEmpty else { return .bytes(0) }
    ERR_clear_error()
    var total = 0
    // Each call writes one record of at most 16 KiB.
    while total < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[total...])
      let count = SSL_write(ssl, rest.baseAddress, Int32(clamping: rest.count))
      if count > 0 {
        total += Int(count)
        continue
      }
      switch SSL_get_error(ssl, count) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return total > 0 ? .bytes(total) : .wouldBlock
      case SSL_ERROR_SYSCALL: return .failed(errno == 0 ? EPIPE : errno)
      default: return .failed(EPROTO)
      }
    }
    return .bytes(total)
  }

  /// Says goodbye, so that the peer can keep the session's ticket. Its answer is not waited for.
  func sayGoodbye() {
    ERR_clear_error()
    _ = SSL_shutdown(ssl)
    ERR_clear_error()
  }
}
