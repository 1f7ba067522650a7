import GatewayConfiguration
import Testing

@Suite("Addresses, blocks and URLs")
struct AddressTests {
  @Test("IPv4 and IPv6 addresses are read as RFC 4291 writes them, mapped ones equal IPv4")
  func addresses() throws {
    #expect(IPAddress("10.1.2.3") == IPAddress(ipv4: 0x0A01_0203))
    #expect(IPAddress("::ffff:10.1.2.3") == IPAddress("10.1.2.3"))
    #expect(IPAddress("::") == IPAddress(ipv6: 0))
    #expect(IPAddress("1:2:3:4:5:6:7:8") == IPAddress(ipv6: 0x0001_0002_0003_0004_0005_0006_0007_0008))
    #expect(IPAddress("fe80::1") == IPAddress(ipv6: 0xfe80 << 112 | 1))
    #expect(IPAddress("64:ff9b::192.0.2.1") == IPAddress(ipv6: 0x64 << 112 | 0xff9b << 96 | 0xC000_0201))
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "+1.2.3.4", ":", ":::", "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3", "12345::", "g::", "fe80::1%eth0", "::1.2.3", "1:2:3:4:5:6:7::8", "+1::",
    ])
  func noAddress(_ text: String) { #expect(IPAddress(text) == nil) }

  @Test("a block holds what shares its prefix, and no address of the other family")
  func blocks() throws {
    let ten = try #require(CIDR("10.0.0.0/8"))
    #expect(ten.contains(try #require(IPAddress("10.255.0.1"))))
    #expect(ten.contains(try #require(IPAddress("::ffff:10.0.0.1"))))
    #expect(!ten.contains(try #require(IPAddress("11.0.0.0"))))
    #expect(!ten.contains(try #require(IPAddress("fd00::1"))))
    let all4 = try #require(CIDR("0.0.0.0/0"))
    #expect(all4.contains(try #require(IPAddress("255.255.255.255"))))
    #expect(!all4.contains(try #require(IPAddress("::1"))))
    let all6 = try #require(CIDR("::/0"))
    #expect(all6.contains(try #require(IPAddress("fd00::1"))))
    let one = try #require(CIDR("192.0.2.7"))
    #expect(one.prefixBits == 32)
    #expect(one.contains(try #require(IPAddress("192.0.2.7"))))
    #expect(!one.contains(try #require(IPAddress("192.0.2.6"))))
    let local6 = try #require(CIDR("fd00::/8"))
    #expect(local6.contains(try #require(IPAddress("fdff::1"))))
    #expect(!local6.contains(try #require(IPAddress("fe00::1"))))
  }

  @Test(
    "what is no block is refused",
    arguments: ["10.0.0.0/33", "10.0.0.1/8", "::1/64", "::/129", "10.0.0.0/", "/8", "10.0.0.0/+8", "a/8"])
  func noBlock(_ text: String) { #expect(CIDR(text) == nil) }

  @Test("a listen address needs a host and a port")
  func listen() {
    #expect(ListenAddress("[::]:80")?.description == "[::]:80")
    #expect(ListenAddress("localhost:0")?.port == 0)
    for text in [
      "", "8080", ":8080", "::1:80", "[1.2.3.4]:80", "a:65536", "a:-1", "a:+1", "a b:1", "300.1.1.1:1", "[::1]",
    ] {
      #expect(ListenAddress(text) == nil, "\(text)")
    }
  }

  @Test("a base URL is taken apart, lower-cased, its last slash dropped")
  func urls() throws {
    let url = try #require(UpstreamURL("HTTPS://Api.Example.COM/v1/"))
    #expect(url.isTLS && url.host == "api.example.com" && url.port == 443 && url.pathPrefix == "/v1")
    #expect(url.description == "https://api.example.com/v1")
    #expect(UpstreamURL("http://[::1]:8000")?.authority == "[::1]:8000")
    #expect(UpstreamURL("http://a:80/")?.description == "http://a")
  }

  @Test(
    "what is no base URL is refused",
    arguments: [
      "", "a", "ftp://a", "http:/a", "http://", "http://a:0", "http://a:65536", "http://a:", "http://u:p@a",
      "http://a/?q", "http://a#f",
      "http://a/b c", "http://a/%2e", "http://a//b", "http://a/../b", "http://[::1", "http://::1", "http://a\r\nb",
      "http://-a",
      "http://1.2.3", "http://é.com",
    ])
  func noURL(_ text: String) { #expect(UpstreamURL(text) == nil) }

  @Test("a prefix route takes its path and what lies below it, an exact one itself alone")
  func routePaths() {
    #expect(RoutePath.exact("/v1/files").takes("/v1/files"))
    #expect(!RoutePath.exact("/v1/files").takes("/v1/files/a"))
    #expect(RoutePath.prefix("/v1/files").takes("/v1/files"))
    #expect(RoutePath.prefix("/v1/files").takes("/v1/files/a"))
    #expect(!RoutePath.prefix("/v1/files").takes("/v1/filesystem"))
    #expect(RoutePath.prefix("/v1/").takes("/v1/x"))
  }
}
