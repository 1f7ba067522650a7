import GatewayConfiguration
import Testing

@Suite("Where limits are kept")
struct RedisStoreTests {
  @Test("every key of `redis` is read into its property")
  func everyKey() throws {
    let redis = try #require(
      try parse(
        minimal + """
          redis:
            url: rediss://10.0.0.1:6380/2
            username: gateway
            password: "${PASSWORD}"
            timeout: 5ms
            connectTimeout: 250ms
            prefix: "prod:sl"
            nodeName: gateway-1
            tls: { caFile: ca.pem, certificateFile: c.pem, keyFile: k.pem, serverName: r.example, verify: false }
          """, ["PASSWORD": "p@ss/word"]
      ).redis)
    #expect(redis.url.description == "rediss://10.0.0.1:6380" && redis.url.isTLS && !redis.url.hasCredentials)
    #expect(redis.url.text.reveal() == "rediss://10.0.0.1:6380/2")
    #expect(redis.username == "gateway" && redis.password?.reveal() == "p@ss/word")
    #expect(redis.timeout == .milliseconds(5) && redis.connectTimeout == .milliseconds(250))
    #expect(redis.prefix == "prod:sl" && redis.nodeName == "gateway-1")
    #expect(redis.tls.caFile == "ca.pem" && redis.tls.keyFile == "k.pem" && redis.tls.serverName == "r.example")
  }

  @Test("left out, there is none; with a URL alone the rest has its defaults")
  func defaults() throws {
    #expect(try parse(minimal).redis == nil)
    let redis = try #require(try parse(minimal + "redis: { url: redis://localhost }").redis)
    #expect(redis.timeout == .milliseconds(20) && redis.connectTimeout == .seconds(1) && redis.prefix == "sl")
    #expect(redis.username == nil && redis.password == nil && redis.nodeName == nil)
  }

  @Test(
    "URLs of one server, of a cluster and of sentinels are taken",
    arguments: [
      "redis://localhost", "REDIS://localhost/", "rediss://u:p%40ss@h.example:1/0",
      "redis://:secret@[fd00::1]:6379/65535",
      "redis+cluster://a,b:7001,[::1]:7002", "rediss+cluster://:p@a/0", "redis+sentinel://a,b:26379/mymaster",
      "redis+sentinel://u:p@a/my%20master/3/", "valkey://a", "valkeys+sentinel://a/m", "redis://:p:q@h",
    ])
  func taken(_ text: String) throws {
    let url = try #require(RedisStoreURL(text))
    #expect(url.text.reveal() == text)
    #expect(url.isTLS == (text.hasPrefix("rediss") || text.hasPrefix("valkeys")))
    #expect(url.hasCredentials == text.contains("@"))
  }

  static let secret = "hunter2hunter2"

  static let slips: [(String, String)] = [
    ("{ timeout: 1ms }", "`url` is missing. Write `url: redis://host:6379`"),
    (
      "redis://a",
      "expected keys, found a single value. It takes url, username, password, timeout, connectTimeout, prefix, nodeName, tls"
    ),
    (
      "{ url: \"http://u:\(secret)@a\" }",
      "not a Redis URL. Begin with redis://, rediss:// (TLS), redis+cluster:// or redis+sentinel://"
    ),
    (
      "{ url: \"redis:\(secret)@a\" }",
      "not a Redis URL. Begin with redis://, rediss:// (TLS), redis+cluster:// or redis+sentinel://"
    ),
    (
      "{ url: \"redis://:\(secret)?x@a\" }",
      "the URL has a `?` or `#`. Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"
    ),
    (
      "{ url: \"redis://:\(secret)/x@a\" }",
      "a host is missing or none. Write redis://host:6379, an IPv6 address in brackets. Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"
    ),
    (
      "{ url: \"redis://:\(secret)%zz@a\" }",
      "user or password are not percent-encoded. Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"
    ),
    (
      "{ url: \"redis://\(secret)@a\" }",
      "a user without a password. Write redis://user:password@host, or redis://:password@host"
    ),
    (
      "{ url: \"redis://u:@a\" }",
      "the password is empty. Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"
    ),
    (
      "{ url: \"redis://:\(secret)@a,b\" }",
      "several hosts. Write redis+cluster:// or redis+sentinel://, or name one host"
    ),
    (
      "{ url: \"redis+cluster://\(Array(repeating: "a", count: 65).joined(separator: ","))\" }",
      "more than 64 hosts. Name some; the others are found"
    ),
    (
      "{ url: \"redis://:\(secret)@a:0\" }",
      "a host is missing or none. Write redis://host:6379, an IPv6 address in brackets. Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"
    ),
    (
      "{ url: \"redis://a/65536\" }",
      "not a database's number. Give 0 to 65535 behind the last slash. Percent-encode : / @ ? # % in user and password, or give them as `username` and `password`"
    ),
    ("{ url: \"redis+cluster://a/1\" }", "a database in a cluster. A cluster has database 0 alone; leave the path out"),
    (
      "{ url: \"redis+sentinel://:\(secret)@a\" }",
      "the master's name is missing. Write redis+sentinel://host1,host2/NAME-OF-THE-MASTER"
    ),
    (
      "{ url: \"redis://:\(secret)@a\", password: \(secret) }",
      "user and password also stand in the URL. Keep one of them"
    ),
    ("{ url: redis://a, username: u }", "a user without a password. Give `password` too"),
    (
      "{ url: redis://a, password: \"\" }",
      "the value is empty. Write \"${NAME}\""
    ),
    (
      "{ url: redis://a, tls: { caFile: ca.pem } }",
      "TLS settings for a URL without TLS. Write rediss in the URL, or take them out"
    ),
    (
      "{ url: rediss://a, tls: { keyFile: k.pem } }",
      "a certificate without its key, or a key alone. Give certificateFile and keyFile"
    ),
    ("{ url: redis://a, timeout: 2s }", "2s is out of range. Give 1ms to 1s"),
    ("{ url: redis://a, connectTimeout: 1ms }", "1ms is out of range. Give 10ms to 30s"),
    (
      "{ url: redis://a, prefix: \"{a}\" }",
      "not a name for this place. Use letters, digits, `-`, `_`, `.` and `:`, at most 32"
    ),
    (
      "{ url: redis://a, nodeName: \"a b\" }",
      "not a name for this place. Use letters, digits, `-`, `_` and `.`, at most 64, beginning with a letter or digit"
    ),
    ("{ url: redis://a, tiemout: 2s }", "unknown key. Did you mean timeout?"),
  ]

  @Test("each slip in `redis` has words of its own and shows no password", arguments: slips)
  func slip(_ redis: String, _ expected: String) throws {
    let found = problems(minimal + "redis: \(redis)\n")
    #expect(found.count == 1, "\(found)")
    #expect(try #require(found.first).hasSuffix(": " + expected), "\(found)")
    #expect(!found.joined().contains(Self.secret))
  }

  @Test("no print, dump or interpolation shows the password of a URL")
  func hidden() throws {
    let text = minimal + "redis: { url: \"redis://gateway:\(Self.secret)@a:1/2\" }"
    let settings = try parse(text)
    var dumped = ""
    dump(settings.redis, to: &dumped)
    let shown = "\(dumped) \(String(describing: settings.redis)) \(String(reflecting: settings.redis))"
    #expect(!shown.contains(Self.secret) && shown.contains("redis://a:1"))
  }

  @Test("no changed byte of a URL fails otherwise than with a refusal")
  func mutations() {
    let bytes = Array("redis+sentinel://us%C3%A9r:p%40ss@a,[fd00::1]:26379,c.example/my%20master/3".utf8)
    let alphabet = Array("%@:/[],?#+.0aF \u{7F}".utf8)
    var refused = 0
    for place in bytes.indices {
      for byte in alphabet {
        var mutated = bytes
        mutated[place] = byte
        if RedisStoreURL(String(decoding: mutated, as: UTF8.self)) == nil { refused += 1 }
        mutated.remove(at: place)
        if RedisStoreURL(String(decoding: mutated, as: UTF8.self)) == nil { refused += 1 }
      }
    }
    #expect(refused > 100)
  }
}
