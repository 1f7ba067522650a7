import Foundation
import Reactor
import TestKit

/// A throw-away authority and its certificates, made once by the openssl tool and removed at exit.
enum Certificates {
  static let directory: String = {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)").path
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for authority in ["ca", "other"] { try make(path, authority, "/CN=\(authority)", []) }
      let signed = ["-CA", "\(path)/ca.pem", "-CAkey", "\(path)/ca.key"]
      try make(path, "server", "/CN=server", signed + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
      try make(path, "client", "/CN=gateway", signed)
    } catch { preconditionFailure("no certificates: \(error)") }
    atexit { try? FileManager.default.removeItem(atPath: Certificates.directory) }
    return path
  }()

  private static func make(_ path: String, _ name: String, _ subject: String, _ more: [String]) throws {
    let tool = try ChildProcess(
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-keyout", "\(path)/\(name).key", "-out", "\(path)/\(name).pem", "-subj", subject,
      ] + more)
    guard tool.wait() == 0 else { throw RawSocket.Failure(operation: "openssl req \(name)", code: 0) }
  }

  static func file(_ name: String) -> String { "\(directory)/\(name)" }
}

/// A TLS server of another make (Python's ssl module): it says what it saw of the handshake, echoes, and closes politely or not.
final class TLSServer {
  enum Version: String { case tls12 = "1.2", tls13 = "1.3" }

  let port: UInt16
  private let process: ChildProcess

  init(_ version: Version = .tls13, asksForCertificate: Bool = false) throws {
    let script = Certificates.file("server-\(UUID().uuidString).py")
    try Self.source.write(toFile: script, atomically: true, encoding: .utf8)
    process = try ChildProcess(
      [
        "python3", script, Certificates.directory, version.rawValue, asksForCertificate ? "certificate" : "none",
      ])
    guard let port = UInt16(process.line()) else {
      throw RawSocket.Failure(operation: "the Python server did not start", code: 0)
    }
    self.port = port
  }

  private static let source = """
    import os, socket, ssl, sys, threading

    directory, version, certificate = sys.argv[1:4]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory + "/server.pem", directory + "/server.key")
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.maximum_version = ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
    if certificate == "certificate":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(directory + "/ca.pem")
    names = {}
    def name_asked(connection, name, context):
        names[id(connection)] = name
    context.sni_callback = name_asked

    def serve(raw):
        try:
            connection = context.wrap_socket(raw, server_side=True)
        except (ssl.SSLError, OSError):
            raw.close()
            return
        stream = connection.makefile("rb")
        try:
            while True:
                line = stream.readline().decode()
                if not line:
                    return
                length = 0
                while True:
                    field = stream.readline().decode().strip().lower()
                    if not field:
                        break
                    if field.startswith("content-length:"):
                        length = int(field.split(":")[1])
                body = stream.read(length)
                path = line.split(" ")[1]
                if path == "/cut" or path == "/clean":
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\n\\r\\nhello")
                    if path == "/clean":
                        connection.settimeout(5)
                        connection.unwrap()
                    return
                if path == "/half":
                    connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 10\\r\\n\\r\\nhello")
                    return
                if path == "/push":
                    body = b"pushed"
                if path == "/seen":
                    peer = connection.getpeercert() or {}
                    subject = "".join(v for part in peer.get("subject", ()) for k, v in part)
                    body = "sni=%s alpn=%s version=%s client=%s resumed=%s" % (
                        names.get(id(connection)), connection.selected_alpn_protocol(), connection.version(), subject,
                        connection.session_reused)
                    body = body.encode()
                connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body) + body)
                if path == "/push":
                    connection.sendall(b"HTTP/1.1 408 Late\\r\\n\\r\\n")
        except (ssl.SSLError, OSError):
            pass
        finally:
            stream.close()
            connection.close()

    listener = socket.create_server(("127.0.0.1", 0))
    def accept():
        while True:
            raw, _ = listener.accept()
            threading.Thread(target=serve, args=(raw,), daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    os._exit(0)
    """
}
