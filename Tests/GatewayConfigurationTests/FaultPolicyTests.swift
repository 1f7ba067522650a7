import GatewayConfiguration
import Testing

@Suite("What a model says of faults")
struct FaultPolicyTests {
  private static let head = "anonymous: true\nupstreams: { a: { provider: ollama } }\nmodels:\n  m:\n    serve: a\n"

  @Test("what is said counts, what is not stays as usual")
  func good() throws {
    let model = try #require(
      try parse(Self.head + "    onFault: { rateLimited: answer, contextLength: next, timeout: next }").models.first)
    for name in FaultName.allCases {
      let expected: FaultPolicy =
        switch name {
        case .rateLimited: .answer
        case .contextLength: .next
        default: name.usual
        }
      #expect(model.onFault[name] == expected, "\(name)")
    }
    #expect(model.onFault.changes == [.rateLimited: .answer, .contextLength: .next])
    #expect(try parse(Self.head).models.first?.onFault == FaultPolicies())
  }

  @Test(
    "a wrong name is refused with the nearest one, a wrong value with its line and column",
    arguments: [
      ("onFault: { rateLimit: answer }", "6:16: models.m.onFault.rateLimit: unknown key. Did you mean rateLimited?"),
      (
        "onFault: { contextlength: next }",
        "6:16: models.m.onFault.contextlength: unknown key. Did you mean contextLength?"
      ),
      (
        "onFault: { timeout: nxt }",
        "6:25: models.m.onFault.timeout: expected one of next, answer, found `nxt`. Did you mean next?"
      ),
      (
        "onFault:\n      key: next\n      caller: true",
        "8:15: models.m.onFault.caller: expected one of next, answer, found `true`"
      ),
      ("onFault: { stale: [next] }", "6:23: models.m.onFault.stale: expected one of next, answer, found a list"),
      ("onFaults: { stale: next }", "6:5: models.m.onFaults: unknown key. Did you mean onFault?"),
      (
        "onFault: next",
        "6:14: models.m.onFault: expected keys, found a single value. It takes "
          + FaultName.allCases.map(\.rawValue).joined(separator: ", ")
      ),
    ])
  func wrong(line: String, expected: String) {
    #expect(problems(Self.head + "    \(line)\n") == ["sluice.yaml:" + expected])
  }

  @Test("another word on faults is a change of the model")
  func change() throws {
    let old = try parse(Self.head)
    let new = try parse(Self.head + "    onFault: { key: answer }")
    #expect(old.changes(to: new).map(\.path) == ["models.m"])
  }
}
