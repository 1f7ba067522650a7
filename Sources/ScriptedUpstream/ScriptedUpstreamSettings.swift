/// What a simulator is told at its start.
public struct ScriptedUpstreamSettings: Sendable {
  /// Where it listens: a literal address.
  public var host = "127.0.0.1"
  /// The port; 0 lets the kernel choose.
  public var port: UInt16 = 0
  /// The script of requests that bring none and whose model has none.
  public var defaultScript = Script()
  /// Scripts by model.
  public var models: [String: Script] = [:]
  /// What `/v1/models` lists. Other names are answered as well.
  public var modelNames = ["deepseek-r1", "qwq-32b", "gpt-4o-mini", "text-embedding-3-small"]
  /// The key that `Authorization: Bearer` must bring; nil demands none.
  public var requiredKey: String?
  /// How many requests are remembered; 0 only counts, which benchmarks want.
  public var requestsKeptMax = 4096
  /// How much of each body is remembered, in bytes.
  public var bodyBytesKeptMax = 64 << 10
  /// The longest request body, in bytes; a longer one is refused with 413.
  public var bodyBytesMax = 256 << 20

  /// The defaults: any port on loopback, no pace, no key.
  public init() {}
}
