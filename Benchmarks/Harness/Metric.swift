/// Something that is measured. Keys are what JSON and thresholds use.
struct Metric: Codable, Hashable {
  var key: String
  var label: String
  var decimals: Int
  /// Latencies of gateways are also told as what they add to `direct`.
  var isLatency = false

  static let requestsPerSecond = Metric(key: "requestsPerSecond", label: "requests/s", decimals: 0)
  static let streamsPerSecond = Metric(key: "streamsPerSecond", label: "streams/s", decimals: 1)
  static let eventsPerSecond = Metric(key: "eventsPerSecond", label: "events/s", decimals: 0)
  static let cpuPerRequest = Metric(key: "cpuMicrosecondsPerRequest", label: "gateway CPU µs/request", decimals: 2)
  static let cpuPerEvent = Metric(key: "cpuMicrosecondsPerEvent", label: "gateway CPU µs/event", decimals: 2)
  static let gatewayBusy = Metric(key: "gatewayProcessorPercent", label: "gateway processor %", decimals: 1)
  static let gatewayKeptWaiting = Metric(
    key: "gatewayKeptWaitingPercent", label: "gateway waiting for a processor %", decimals: 1)
  static let loadBusy = Metric(key: "loadProcessorPercent", label: "load and upstream processor %", decimals: 1)
  static let voluntarySwitches = Metric(
    key: "voluntarySwitchesPerSecond", label: "gateway switches/s, waiting", decimals: 0)
  static let involuntarySwitches = Metric(
    key: "involuntarySwitchesPerSecond", label: "gateway switches/s, pushed off", decimals: 0)
  static let residentIdle = Metric(key: "residentBytesIdle", label: "gateway resident bytes, idle", decimals: 0)
  static let residentLive = Metric(
    key: "residentBytesLive", label: "gateway resident bytes, all streams live", decimals: 0)
  static let bytesPerStream = Metric(key: "bytesPerStream", label: "gateway bytes/stream", decimals: 0)
  static let storeCallsPerSecond = Metric(key: "storeCallsPerSecond", label: "Redis calls/s", decimals: 2)
  static let storeCallsBefore = Metric(key: "storeCallsBefore", label: "Redis calls before the window", decimals: 0)
  static let startup = Metric(key: "startupMilliseconds", label: "exec to first answer, ms", decimals: 2)

  static let gigabytesPerSecond = Metric(key: "gigabytesPerSecond", label: "GB/s", decimals: 2)
  static let nanosecondsPerUnit = Metric(key: "nanosecondsPerUnit", label: "ns", decimals: 1)
  static let allocationsPerUnit = Metric(key: "allocationsPerUnit", label: "allocations", decimals: 4)

  /// p50, p90, p99 and the largest of a set of times.
  static func latencies(_ key: String, _ label: String) -> [Metric] {
    [("P50", "p50"), ("P90", "p90"), ("P99", "p99"), ("Max", "max")].map { suffix, words in
      // The largest of two runs cannot be compared: one stray value decides it.
      Metric(
        key: key + suffix + "Microseconds", label: "\(label) \(words) µs", decimals: 0, isLatency: suffix != "Max")
    }
  }

  /// The time that a gateway adds to `direct`.
  var added: Metric {
    Metric(key: "added" + key.prefix(1).uppercased() + key.dropFirst(), label: "  added to direct", decimals: decimals)
  }
}

/// What one contender showed in one round.
struct Measurement {
  private(set) var values: [(metric: Metric, value: Double)] = []

  mutating func set(_ metric: Metric, _ value: Double) { values.append((metric, value)) }

  mutating func set(_ metrics: [Metric], _ summary: LatencySummary?) {
    guard let summary else { return }
    for (metric, value) in zip(metrics, [summary.p50, summary.p90, summary.p99, summary.max]) { set(metric, value) }
  }

  subscript(key: String) -> Double? { values.first { $0.metric.key == key }?.value }
}
