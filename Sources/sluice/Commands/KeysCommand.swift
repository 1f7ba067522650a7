import ArgumentParser
import Gateway

/// `sluice keys`
struct KeysCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Make client keys and their hashes.", subcommands: [Create.self, Hash.self])

  /// `sluice keys create`
  struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a key. It is shown once; the hash belongs into the configuration.")

    func run() {
      var generator = SystemRandomNumberGenerator()
      let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
      // 43 characters of 62: 256 bits.
      let letters = (0..<43).compactMap { _ in alphabet.randomElement(using: &generator) }
      let key = "sk-" + String(decoding: letters, as: UTF8.self)
      print("key:  \(key)")
      print("hash: \(KeyText.hash(key))")
    }
  }

  /// `sluice keys hash`
  struct Hash: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: """
        Hash a key for the configuration. Reads it from standard input, so that it does not stand in the shell's history.
        """)

    func run() throws {
      guard let key = readLine(strippingNewline: true), !key.isEmpty else {
        Complaint.print("No key on standard input. Try: sluice keys hash < FILE")
        throw ExitCode(2)
      }
      print(KeyText.hash(key))
    }
  }
}

/// A key's hash as the configuration wants it.
enum KeyText {
  static func hash(_ key: String) -> String {
    let digits = Array("0123456789abcdef")
    return "sha256:" + KeyHash.sha256(Array(key.utf8)).map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
  }
}
