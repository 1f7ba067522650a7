import TestKit
import Testing

@testable import RedisClient

@Suite("Redis URLs")
struct RedisURLTests {
  private static func host(_ name: String, _ port: UInt16) -> RedisEndpoint { RedisEndpoint(host: name, port: port) }

  @Test("each form is taken apart")
  func forms() throws {
    let plain = try RedisURL("redis://localhost")
    #expect(plain.topology == .single(Self.host("localhost", 6379)))
    #expect(!plain.isTLS && plain.credentials == nil && plain.database == 0)
    let full = try RedisURL("rediss://user:pa%3As%2Fs%40%25@[2001:db8::1]:7000/12")
    #expect(full.topology == .single(Self.host("2001:db8::1", 7000)))
    #expect(full.isTLS && full.database == 12)
    #expect(full.credentials == RedisCredentials(user: "user", password: "pa:s/s@%"))
    #expect(try RedisURL("redis://:secret@h/").credentials == RedisCredentials(password: "secret"))
    #expect(try RedisURL("redis://user@h").credentials == nil)
    #expect(try RedisURL("redis://a@b:c@h").credentials == RedisCredentials(user: "a@b", password: "c"))
    #expect(try RedisURL("valkey://h:1").topology == .single(Self.host("h", 1)))
    #expect(
      try RedisURL("REDIS+Cluster://a,b:7001,[::1]:7002").topology
        == .cluster(seeds: [Self.host("a", 6379), Self.host("b", 7001), Self.host("::1", 7002)]))
    let sentinel = try RedisURL("rediss+sentinel://u:p@a,b:7001/my%20master/3")
    #expect(
      sentinel.topology == .sentinel(sentinels: [Self.host("a", 26379), Self.host("b", 7001)], master: "my master"))
    #expect(sentinel.database == 3 && sentinel.isTLS && sentinel.credentials != nil)
    #expect(try RedisURL("redis+sentinel://a/m").database == 0)
    #expect(try RedisURL("redis+cluster://a/0").database == 0)
  }

  @Test(
    "what is wrong is named",
    arguments: [
      ("localhost:6379", RedisURLError.scheme), ("http://h", .scheme), ("", .scheme), ("redis:h", .scheme),
      ("redis://", .host), ("redis://h ost", .host), ("redis://[::1", .host), ("redis://[h]", .host),
      ("redis://:p@", .host),
      ("redis+cluster://a,", .host), ("redis://h\u{0}", .host), ("redis://[]", .host),
      ("redis://h:", .port), ("redis://h:0", .port), ("redis://h:65536", .port), ("redis://h:6379x", .port),
      ("redis://h/x", .database), ("redis://h/-1", .database), ("redis://h/1/2", .database),
      ("redis://h/65536", .database),
      ("redis+cluster://h/1", .clusterDatabase), ("redis+sentinel://h", .masterName),
      ("redis+sentinel://h//1", .masterName),
      ("redis+sentinel://h/m/x", .database), ("redis://a,b", .severalHosts), ("redis://u:%zz@h", .percentEncoding),
      ("redis://u:%f@h", .percentEncoding), ("redis://u:%ff@h", .percentEncoding), ("redis://h?db=1", .query),
      ("redis://u:pa?ss@h", .query), ("redis://u:pa/ss@h", .port), ("redis://u:12/ss@h", .database),
    ])
  func errors(_ text: String, _ error: RedisURLError) {
    #expect(throws: error) { try RedisURL(text) }
  }

  @Test("no error and no description shows a password, whatever is wrong around it")
  func secrets() throws {
    let password = "hunter2"
    for text in [
      "redis://u:hunter2@h:x", "redis://u:hunter2/@h", "redis://u:hunter2?@h", "hunter2", "hunter2://h",
      "redis://hunter2:h",
      "redis://h/hunter2", "redis+sentinel://u:hunter2@h", "redis://u:hunter2%@h", "redis://hunter2,h",
    ] {
      do throws(RedisURLError) {
        Issue.record("accepted \(try RedisURL(text))")
      } catch {
        #expect(!"\(error)".contains(password) && !"\(error)".isEmpty)
      }
    }
    let url = try RedisURL("redis://u:hunter2@h")
    var dumped = ""
    dump(url, to: &dumped)
    #expect(!"\(url) \(String(reflecting: url)) \(dumped)".contains(password))
    let settings = try RedisSettings(url: "redis://u:hunter2@h")
    dump(settings, to: &dumped)
    #expect(!"\(settings) \(dumped)".contains(password))
  }

  @Test("random bytes never make it trap")
  func random() {
    withSeeds(300) { generator in
      let alphabet = Array("redis://+clustersentinel@:/,[]%?#0123456789aZ \u{0}é".utf8)
      var bytes = Array((generator.element(of: ["redis://", "rediss+cluster://", "redis+sentinel://", ""]) ?? "").utf8)
      for _ in 0..<generator.int(in: 0...40) { bytes.append(generator.element(of: alphabet) ?? 0) }
      _ = try? RedisURL(String(decoding: bytes, as: UTF8.self))
    }
  }
}
