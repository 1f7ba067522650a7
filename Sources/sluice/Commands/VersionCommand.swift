import ArgumentParser
import CHiredis
import CLZ4
import COpenSSL

/// `sluice version`
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Show the versions of the gateway and of the libraries it runs on.")

  /// The release that this source makes.
  static let release = "0.1.0"

  func run() {
    print("sluice \(Self.release)")
    print(String(cString: sluice_openssl_version()))
    print("LZ4 \(String(cString: LZ4_versionString()))")
    print("hiredis \(HIREDIS_MAJOR).\(HIREDIS_MINOR).\(HIREDIS_PATCH)\(hiredisWorks ? "" : " (not usable)")")
  }

  /// Exercises the linked library, not only its header.
  private var hiredisWorks: Bool {
    guard let reader = redisReaderCreate() else { return false }
    defer { redisReaderFree(reader) }
    let reply = "+OK\r\n"
    return redisReaderFeed(reader, reply, 5) == REDIS_OK
  }
}
