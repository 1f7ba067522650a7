/// A throw-away authority and certificates, made by the openssl tool: `ca.pem`, `server.pem`, `server.key` (for localhost and 127.0.0.1),
/// `client.pem`, `client.key`, and `other.pem`, an authority that signed nothing.
public final class Certificates: Sendable {
  private let directory: TemporaryDirectory

  /// Makes them.
  public init() throws(TestKitError) {
    directory = try TemporaryDirectory()
    for authority in ["ca", "other"] { try make(authority, "/CN=\(authority)", []) }
    let signed = ["-CA", file("ca.pem"), "-CAkey", file("ca.key")]
    try make("server", "/CN=server", signed + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
    try make("client", "/CN=client", signed)
  }

  /// The path of one of the files.
  public func file(_ name: String) -> String { directory.file(name) }

  private func make(_ name: String, _ subject: String, _ more: [String]) throws(TestKitError) {
    let isMade = try SpawnedProcess.run(
      [
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-keyout", file("\(name).key"), "-out", file("\(name).pem"), "-subj", subject,
      ] + more)
    guard isMade else { throw TestKitError("openssl made no certificate for \(name)") }
  }
}
