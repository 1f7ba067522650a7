import Foundation
import GatewayConfiguration
import HTTPWire
import TestKit
import Testing

@testable import Gateway

@Suite("Who a request is from")
struct IdentityTests {
  private func table(anonymous: Bool = false, consumers: Bool = true) throws -> IdentityTable {
    var settings = GatewaySettings()
    settings.anonymous = anonymous
    if consumers {
      settings.consumers = try ["first", "second"].map { name in
        let keys = ["sk-\(name)-key", "sk-\(name)-old"].map { KeyDigest(bytes: KeyHash.sha256(Array($0.utf8))) }
        return ConsumerSettings(name: name, keys: try keys.map { try #require($0) })
      }
    }
    return IdentityTable(settings)
  }

  private func verdict(_ fields: String, _ table: IdentityTable) throws -> IdentityTable.Verdict {
    let verdict = try withHead(fields) { _, fields, bytes in
      var presented: Range<Int>?
      return table.identify(fields, bytes, presented: &presented)
    }
    // The key's digest has a test of its own.
    if case .consumer(let index, _) = verdict { return .consumer(index, nil) }
    return verdict
  }

  @Test("comes with the digest of the key that was looked up")
  func digestOfKey() throws {
    let verdict = try withHead("x-api-key: sk-first-key\r\n") { _, fields, bytes in
      var presented: Range<Int>?
      return try table().identify(fields, bytes, presented: &presented)
    }
    guard case .consumer(0, let digest?) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    let expected = KeyHash.sha256(Array("sk-first-key".utf8))
    #expect(digest.hexadecimal == expected.map { String(format: "%02x", $0) }.joined())
  }

  @Test("is told by the key, in any of three headers and any case of their names and of the scheme")
  func spellings() throws {
    let table = try table()
    for field in [
      "Authorization: Bearer sk-first-key", "AUTHORIZATION: bEARER   sk-first-key  ", "x-api-key: sk-first-key",
      "API-Key:\tsk-first-old", "api-key: sk-first-key\r\nAuthorization: Bearer sk-first-key",
    ] {
      #expect(try verdict(field + "\r\n", table) == .consumer(0, nil), "\(field)")
    }
    #expect(try verdict("x-api-key: sk-second-old\r\n", table) == .consumer(1, nil))
  }

  @Test("is not told by anything else")
  func refusals() throws {
    let table = try table()
    let long = String(repeating: "k", count: 5000)
    for field in [
      "Authorization: Bearer sk-first-ke", "Authorization: Bearer sk-first-key2", "Authorization: Bearer SK-FIRST-KEY",
      "Authorization: Basic sk-first-key", "Authorization: sk-first-key", "Authorization: Bearersk-first-key",
      "Authorization: Bearer sk-first-key extra", "x-api-key: Bearer sk-first-key", "x-api-key: \(long)",
      "Authorization: Bearer\tsk-first-key", "x-api-key: sk-first-key,sk-first-key",
    ] {
      #expect(try verdict(field + "\r\n", table) == .badCredential, "\(field.prefix(60))")
    }
    for field in [
      "", "x-api-key:\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer   \r\n", "x-key: sk-first-key\r\n",
    ] {
      #expect(try verdict(field, table) == .noCredential, "\(field)")
    }
  }

  @Test("is ambiguous with two keys that differ, also when both are right")
  func ambiguous() throws {
    let table = try table()
    for fields in [
      "Authorization: Bearer sk-first-key\r\nx-api-key: sk-second-key\r\n",
      "Authorization: Bearer sk-first-key\r\nAuthorization: Bearer sk-first-old\r\n",
      "api-key: a\r\nx-api-key: sk-first-key\r\n",
    ] {
      #expect(try verdict(fields, table) == .ambiguous)
    }
    #expect(try verdict("api-key: sk-first-key\r\nx-api-key: sk-first-key\r\n", table) == .consumer(0, nil))
  }

  @Test("may be nobody where anonymous is on; a key that is presented must still be right if there are any")
  func anonymous() throws {
    let open = try table(anonymous: true)
    #expect(try verdict("", open) == .consumer(nil, nil))
    #expect(try verdict("Authorization: Bearer\r\n", open) == .consumer(nil, nil))
    #expect(try verdict("x-api-key: wrong\r\n", open) == .badCredential)
    #expect(try verdict("x-api-key: sk-second-key\r\n", open) == .consumer(1, nil))
    let laptop = try table(anonymous: true, consumers: false)
    #expect(try verdict("Authorization: Bearer anything\r\n", laptop) == .consumer(nil, nil))
    let closed = try table(consumers: false)
    #expect(try verdict("Authorization: Bearer anything\r\n", closed) == .badCredential)
    #expect(try verdict("", closed) == .noCredential)
  }

  @Test("SHA-256 is SHA-256 (FIPS 180-2, appendix B.1)")
  func digest() {
    let hex = KeyHash.sha256(Array("abc".utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
    #expect(hex.joined() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  }

  @Test("The client's address is the last that no trusted hop wrote")
  func clientAddress() throws {
    let trusted = try ["10.0.0.0/8", "::1/128", "fd00::/8"].map { try #require(CIDR($0)) }
    func address(_ peer: String, _ fields: String) throws -> String {
      try withHead(fields) { _, fields, bytes in ClientAddress.of(peer, fields, bytes, trusted: trusted) }
    }
    #expect(try address("1.1.1.1", "X-Forwarded-For: 2.2.2.2\r\n") == "1.1.1.1")
    #expect(try address("10.0.0.1", "") == "10.0.0.1")
    #expect(try address("10.0.0.1", "X-Forwarded-For: 2.2.2.2\r\n") == "2.2.2.2")
    #expect(try address("10.0.0.1", "X-Forwarded-For: 9.9.9.9, 2.2.2.2\t, 10.3.3.3\r\n") == "2.2.2.2")
    #expect(try address("10.0.0.1", "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 3.3.3.3\r\n") == "3.3.3.3")
    #expect(try address("::1", "X-Forwarded-For: fd00::2, 2001:db8::7\r\n") == "2001:db8::7")
    #expect(try address("10.0.0.1", "X-Forwarded-For: 10.0.0.9, 10.0.0.8\r\n") == "10.0.0.1")
    for nonsense in ["unknown", "", ",", "a, ", "1.2.3.4.5", "\"x\"", "2.2.2.2, junk"] {
      #expect(try address("10.0.0.1", "X-Forwarded-For: \(nonsense)\r\n") == "10.0.0.1", "\(nonsense)")
    }
    let many = Array(repeating: "10.0.0.5", count: 500).joined(separator: ",")
    #expect(try address("10.0.0.1", "X-Forwarded-For: 2.2.2.2,\(many)\r\n") == "10.0.0.1")
  }

  @Test("a key is found wherever it stands in a text, short or long")
  func keysInTexts() {
    let key = "sk-first-key"
    let bytes = Array("<\(key)>".utf8)
    func holds(_ text: String) -> Bool {
      Array(text.utf8).withUnsafeBytes {
        CredentialShield.holds(key: 1..<bytes.count - 1, bytes.span.bytes, in: $0)
      }
    }
    for before in 0...140 {
      for behind in [0, 1, 7, 63, 64, 100] {
        let (before, behind) = (String(repeating: "0", count: before), String(repeating: "1", count: behind))
        #expect(holds(before + key + behind))
        #expect(!holds(before + key.dropLast() + behind) && !holds(before + key.dropFirst() + behind))
      }
    }
    #expect(!holds("") && !holds("sk-first-KEY"))
  }
}
