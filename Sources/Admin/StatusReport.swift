internal import ChatProtocol
internal import Gateway
internal import Quotas
internal import TokenAccounting
internal import Upstreams

/// The gateway's state as JSON, for `sluice status` and for tests.
enum StatusReport {
  static func json(of gateway: Gateway) async -> String {
    var text = #"{"ready":\#(gateway.isReady),"generation":\#(gateway.generation)"#
    text += #","connections":\#(await gateway.connectionCount()),"active_requests":\#(await gateway.activeCount())"#
    text += #","log_pieces_dropped":\#(gateway.logPiecesDropped),"upstreams":{"#
    for (index, entry) in await gateway.gauges().enumerated() {
      if index > 0 { text += "," }
      text += "\(quoted(entry.upstream)):\(pool(entry.gauges))"
    }
    text += #"},"models":{"#
    for (index, report) in await gateway.tokenReports().enumerated() {
      if index > 0 { text += "," }
      text += "\(quoted(report.model)):\(tokens(report))"
    }
    return text + #"},"limits":\#(limits(await gateway.limitReport()))}"#
  }

  /// What each limit is doing and has done, and how its store is.
  private static func limits(_ report: LimitReport) -> String {
    var text = "{"
    for (index, limit) in report.limits.enumerated() {
      if index > 0 { text += "," }
      text += #"\#(quoted(limit.name)):{"state":"\#(limit.state.rawValue)""#
      text += #","denied":\#(limit.denied),"cut":\#(limit.cut)}"#
    }
    text += "}"
    guard let store = report.store else { return text }
    text += #","limit_store":{"kind":"\#(store.rawValue)","condition":"\#(report.isStorePresent ? "present" : "away")""#
    text += #","asks":\#(report.asks),"asks_per_second":\#(report.asksPerSecond),"subjects":\#(report.subjects)"#
    text += #","slots":\#(report.slots),"waiting":\#(report.waiting),"servers":["#
    for (index, server) in report.servers.enumerated() {
      if index > 0 { text += "," }
      text += #"{"endpoint":\#(quoted(server.endpoint)),"reactors":\#(server.reactors)"#
      text += #","connected":\#(server.connected),"refusing":\#(server.refusing)"#
      if let loss = server.lastLoss { text += #","last_loss":\#(quoted(loss))"# }
      text += "}"
    }
    return text + "]}"
  }

  /// Where a model's token counts are from, and how far count and truth are apart.
  private static func tokens(_ report: ModelTokenReport) -> String {
    let gauges = report.gauges
    var text = #"{"vocabulary":\#(report.vocabulary.map(quoted) ?? "null")"#
    text += #","counted":\#(report.source.map { quoted($0.rawValue) } ?? "null")"#
    text += #","prompt_tokens":\#(gauges.promptTokens),"completion_tokens":\#(gauges.completionTokens),"source":{"#
    text += TokenSource.allCases.map { #""\#($0.rawValue)":\#(gauges.requests($0))"# }.joined(separator: ",")
    text += #"},"prompt":\#(drift(gauges.prompt)),"completion":\#(drift(gauges.completion))"#
    return text + "}"
  }

  private static func drift(_ drift: TokenDrift) -> String {
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "null" }
    return #"{"requests":\#(drift.requests),"counted":\#(drift.counted),"reported":\#(drift.reported)"#
      + #","ratio":\#(number(drift.ratio)),"drift":\#(number(drift.drift))}"#
  }

  private static func pool(_ gauges: UpstreamGauges) -> String {
    let pool = gauges.pool
    var text = #"{"idle":\#(pool.idle),"leased":\#(pool.leased),"connecting":\#(pool.connecting)"#
    text += #","waiting":\#(pool.waiting),"opened":\#(pool.opened),"closed":\#(pool.closed)"#
    text += #","connect_failures":\#(pool.connectFailures),"queue_timeouts":\#(pool.queueTimeouts)"#
    text += #","refusals":\#(pool.refusals),"faults":\#(pool.faults),"endpoints":["#
    for (index, endpoint) in gauges.endpoints.enumerated() {
      if index > 0 { text += "," }
      text += #"{"url":\#(quoted("\(endpoint.url)")),"condition":"\#(endpoint.condition)""#
      text += #","idle":\#(endpoint.idle),"leased":\#(endpoint.leased)"#
      if let failure = endpoint.lastFailure { text += #","last_failure":\#(quoted("\(failure)"))"# }
      text += "}"
    }
    return text + "]}"
  }

  static func error(_ message: String) -> String { #"{"error":\#(quoted(message))}"# }

  static func words(_ words: String) -> String { #"{"message":\#(quoted(words))}"# }

  private static func quoted(_ text: String) -> String {
    String(decoding: JSONText.quoted(text), as: UTF8.self)
  }
}
