import GatewayConfiguration
import Testing

@Suite("A start without a file")
struct EnvironmentStartTests {
  private func start(_ variables: [String: String]) throws -> GatewaySettings? {
    try GatewaySettings.fromEnvironment { variables[$0] }
  }

  @Test("without a provider's variable there are no settings")
  func none() throws {
    #expect(try start(["PATH": "/bin", "OPENAI_API_KEY": "", "PORT": "1"]) == nil)
  }

  @Test("a key makes its provider's upstream, on loopback, for requests without a key")
  func key() throws {
    let settings = try #require(
      try start(["OPENAI_API_KEY": "sk-1", "DASHSCOPE_API_KEY": "sk-2", "LOG_LEVEL": "DEBUG"]))
    #expect(settings.upstreams.map(\.name) == ["openai", "dashscope"])
    #expect(settings.upstreams[0].endpoints[0].url.description == "https://api.openai.com/v1")
    #expect(settings.upstreams[0].apiKeys == [Secret("sk-1")])
    #expect(settings.anonymous)
    #expect(settings.server.listen == [ListenAddress(host: "127.0.0.1", port: 8080)])
    #expect(settings.log.level == .debug)
  }

  @Test("a base URL makes a service of one's own, and gets the usual path when it has none")
  func baseURL() throws {
    let settings = try #require(
      try start([
        "OLLAMA_BASE_URL": "http://gpu:11434", "VLLM_BASE_URL": "http://gpu:8000/custom", "VLLM_API_KEY": "k",
        "GEMINI_BASE_URL": "https://proxy.example", "LMSTUDIO_API_KEY": "alone",
      ]))
    #expect(settings.upstreams.map(\.name) == ["gemini", "vllm", "ollama"])
    #expect(
      settings.upstreams.map(\.endpoints[0].url.description) == [
        "https://proxy.example/v1beta/openai", "http://gpu:8000/custom", "http://gpu:11434/v1",
      ])
    #expect(settings.upstreams[1].apiKeys == [Secret("k")])
  }

  @Test("PORT sets the port, SLUICE_LISTEN the whole address")
  func port() throws {
    #expect(try start(["OPENAI_API_KEY": "k", "PORT": "9"])?.server.listen == [.init(host: "127.0.0.1", port: 9)])
    #expect(
      try start(["OPENAI_API_KEY": "k", "PORT": "9", "SLUICE_LISTEN": "0.0.0.0:7"])?.server.listen
        == [.init(host: "0.0.0.0", port: 7)])
  }

  @Test("wrong variables are all told, and none is shown")
  func wrong() {
    #expect {
      _ = try start([
        "OPENAI_API_KEY": "secret\n", "OLLAMA_BASE_URL": "secret", "PORT": "secret", "LOG_LEVEL": "secret",
      ])
    } throws: { error in
      let problems = (error as? InvalidConfiguration)?.problems ?? []
      return Set(problems.map(\.path)) == ["OPENAI_API_KEY", "OLLAMA_BASE_URL", "PORT", "LOG_LEVEL"]
        && !"\(error)".contains("secret")
    }
  }
}
