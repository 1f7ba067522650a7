internal import COpenSSL
internal import Reactor

/// How connections to one upstream are secured. Immutable after `init`; shared by the sessions of one pool on one reactor.
///
/// Certificates are verified against the system's roots (or `authorityFile`) and the host's name; TLS 1.2 is the least; ALPN
/// offers `http/1.1` unless told otherwise. The last session ticket is kept, so that a new connection resumes instead of shaking hands in full.
///
/// `@unchecked Sendable`: SSL_CTX is safe to share between threads (OpenSSL's threads(7)), the ticket sits behind a lock.
public final class TLSClientContext: @unchecked Sendable {
  /// What an operator can set per upstream.
  public struct Options: Equatable, Sendable {
    /// A PEM file of authorities to trust instead of the system's.
    public var authorityFile: String?
    /// A PEM file with the client's certificate chain.
    public var certificateFile: String?
    /// A PEM file with the client certificate's key.
    public var keyFile: String?
    /// The name to ask for and to check, if it is not the URL's host.
    public var serverName: String?
    /// False accepts any certificate: for a laboratory only.
    public var verifiesPeer: Bool

    /// The defaults: system roots, no client certificate, verification on.
    public init(
      authorityFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
      serverName: String? = nil, verifiesPeer: Bool = true
    ) {
      self.authorityFile = authorityFile
      self.certificateFile = certificateFile
      self.keyFile = keyFile
      self.serverName = serverName
      self.verifiesPeer = verifiesPeer
    }
  }

  let context: OpaquePointer
  let serverName: String
  let isAddressLiteral: Bool
  private let verifiesPeer: Bool
  private let ticket = Locked<SessionTicket>(SessionTicket())

  /// SSL_SESSION with one reference held. Sendable: only touched inside the lock.
  private struct SessionTicket: @unchecked Sendable { var session: OpaquePointer? }

  /// Reads the files of `options`.
  ///
  /// - Parameter protocols: what ALPN offers (RFC 7301); none if empty.
  /// - Throws: `TransportError.tlsFailed` naming the file that cannot be used.
  public init(
    host: String, isAddressLiteral: Bool, options: Options, protocols: [String] = ["http/1.1"]
  ) throws(TransportError) {
    guard let context = SSL_CTX_new(TLS_client_method()) else {
      throw .tlsFailed("OpenSSL could not make a context: \(Self.lastError())")
    }
    self.context = context
    serverName = options.serverName ?? host
    self.isAddressLiteral = isAddressLiteral && options.serverName == nil
    verifiesPeer = options.verifiesPeer
    // To OpenSSL an empty name means that none is to be checked.
    guard !serverName.isEmpty else { throw .tlsFailed("the server name is empty") }
    try configure(options, protocols)
  }

  deinit {
    ticket.withLock { held in
      if let session = held.session { SSL_SESSION_free(session) }
      held.session = nil
    }
    SSL_CTX_free(context)
  }

  private func configure(_ options: Options, _ protocols: [String]) throws(TransportError) {
    _ = sluice_ssl_ctx_set_min_version(context, Int32(TLS1_2_VERSION))
    // Partial writes and a buffer that moves: the rest of a short write is sent from another place. Released buffers keep an idle stream small.
    _ = sluice_ssl_ctx_set_mode(
      context,
      Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS))
    SSL_CTX_set_verify(context, options.verifiesPeer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    if let file = options.authorityFile {
      guard SSL_CTX_load_verify_locations(context, file, nil) == 1 else {
        throw .tlsFailed("cannot read authorities from \(file): \(Self.lastError())")
      }
    } else {
      SSL_CTX_set_default_verify_paths(context)
    }
    if let file = options.certificateFile {
      guard SSL_CTX_use_certificate_chain_file(context, file) == 1 else {
        throw .tlsFailed("cannot read the client certificate from \(file): \(Self.lastError())")
      }
      let keyFile = options.keyFile ?? file
      guard SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1,
        SSL_CTX_check_private_key(context) == 1
      else { throw .tlsFailed("cannot use the client key from \(keyFile): \(Self.lastError())") }
    }
    let offered = protocols.flatMap { [UInt8(clamping: $0.utf8.count)] + Array($0.utf8) }
    if !offered.isEmpty { SSL_CTX_set_alpn_protos(context, offered, UInt32(offered.count)) }
    _ = sluice_ssl_ctx_set_session_cache_mode(
      context, Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL))
    SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque())
    SSL_CTX_sess_set_new_cb(context) { ssl, session in
      guard let ssl, let session, let owner = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return 0 }
      Unmanaged<TLSClientContext>.fromOpaque(owner).takeUnretainedValue().keep(session)
      return 1
    }
  }

  private func keep(_ session: OpaquePointer) {
    let kept = SessionTicket(session: session)
    let old = ticket.withLock { held in
      let old = held
      held = kept
      return old
    }
    if let old = old.session { SSL_SESSION_free(old) }
  }

  /// A new TLS session over `descriptor`, ready for its handshake.
  package func makeSession(_ descriptor: Int32) throws(TransportError) -> TLSSession {
    guard let ssl = SSL_new(context) else { throw .tlsFailed(Self.lastError()) }
    let session = TLSSession(ssl: ssl, context: self)
    SSL_set_connect_state(ssl)
    guard SSL_set_fd(ssl, descriptor) == 1 else { throw .tlsFailed(Self.lastError()) }
    // A name that OpenSSL does not take would not be checked at all, and any certificate of a known authority would pass.
    if isAddressLiteral {
      guard !verifiesPeer || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), serverName) == 1 else {
        throw .tlsFailed("the host is not an address that a certificate can be checked against")
      }
    } else {
      guard sluice_ssl_set_server_name(ssl, serverName) == 1, !verifiesPeer || SSL_set1_host(ssl, serverName) == 1
      else {
        throw .tlsFailed("the server name is not one that a certificate can be checked against")
      }
    }
    ticket.withLock { held in
      if let ticket = held.session { SSL_set_session(ssl, ticket) }
    }
    return session
  }

  /// OpenSSL's words for the last error of this thread; empties its queue.
  static func lastError() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = ERR_reason_error_string(code) else { return "unknown error" }
    return String(cString: reason)
  }
}
