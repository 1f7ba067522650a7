internal import Gateway
internal import Quotas
internal import TokenAccounting
internal import Transport
internal import Upstreams

/// The gateway's gauges in the Prometheus text format (version 0.0.4).
enum MetricsReport {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  static func text(of gateway: Gateway) async -> String {
    var page = MetricsPage()
    page.family("sluice_ready", "gauge", "1 while requests are taken.")
    page.sample("sluice_ready", [], gateway.isReady ? 1 : 0)
    page.family("sluice_connections", "gauge", "Client connections.")
    page.sample("sluice_connections", [], await gateway.connectionCount())
    connections(await gateway.connectionGauges(), &page)
    bodies(gateway.bodyMemory, &page)
    page.family("sluice_requests_active", "gauge", "Requests under way.")
    page.sample("sluice_requests_active", [], await gateway.activeCount())
    page.family("sluice_log_pieces_dropped_total", "counter", "Pieces of log that the writer could not keep up with.")
    page.sample("sluice_log_pieces_dropped_total", [], gateway.logPiecesDropped)
    tokens(await gateway.tokenReports(), &page)
    pools(await gateway.gauges(), &page)
    limits(await gateway.limitReport(), &page)
    return page.text
  }

  private static func connections(
    _ gauges: (counts: ConnectionCounts, stages: ConnectionStages), _ page: inout MetricsPage
  ) {
    page.family("sluice_connections_max", "gauge", "Client connections that may be held.")
    page.sample("sluice_connections_max", [], gauges.counts.most)
    page.family("sluice_connections_by_stage", "gauge", "Client connections by what they are doing.")
    for (stage, count) in [
      ("idle", gauges.stages.idle), ("reading_head", gauges.stages.readingHead),
      ("reading_body", gauges.stages.readingBody), ("responding", gauges.stages.responding),
      ("lingering", gauges.stages.lingering),
    ] {
      page.sample("sluice_connections_by_stage", [("stage", stage)], count)
    }
    page.family(
      "sluice_connections_evicted_total", "counter", "Client connections closed to make room for new ones.")
    for (stage, count) in [
      ("idle", gauges.counts.evictedIdle), ("lingering", gauges.counts.evictedLingering),
      ("reading_head", gauges.counts.evictedHeads),
    ] {
      page.sample("sluice_connections_evicted_total", [("stage", stage)], count)
    }
    page.family("sluice_connections_refused_total", "counter", "Client connections closed when they were accepted.")
    for (reason, count) in [
      ("client_limit", gauges.counts.refusedByClientLimit), ("system_limit", gauges.counts.refusedBySystem),
    ] {
      page.sample("sluice_connections_refused_total", [("reason", reason)], count)
    }
  }

  private static func bodies(_ counts: BodyMemoryCounts, _ page: inout MetricsPage) {
    page.family("sluice_body_memory_bytes", "gauge", "Bytes of request bodies held.")
    page.sample("sluice_body_memory_bytes", [], counts.held)
    page.family("sluice_body_memory_max_bytes", "gauge", "Bytes of request bodies that may be held.")
    page.sample("sluice_body_memory_max_bytes", [], counts.most)
    page.family("sluice_body_memory_waiting", "gauge", "Connections that wait for memory for their request's body.")
    page.sample("sluice_body_memory_waiting", [], counts.waiting)
    page.family("sluice_body_memory_refused_total", "counter", "Requests refused for want of memory for their body.")
    page.sample("sluice_body_memory_refused_total", [], counts.refused)
  }

  private static func limits(_ report: LimitReport, _ page: inout MetricsPage) {
    guard let store = report.store else { return }
    page.family(
      "sluice_limit_state", "gauge",
      "1 for what a limit is doing: present while its store answers, else what its whenStoreIsAway says.")
    for limit in report.limits {
      for state in LimitState.all {
        page.sample(
          "sluice_limit_state", [("limit", limit.name), ("state", state.rawValue)], limit.state == state ? 1 : 0)
      }
    }
    page.family("sluice_limit_denied_total", "counter", "Requests that a limit refused.")
    for limit in report.limits { page.sample("sluice_limit_denied_total", [("limit", limit.name)], limit.denied) }
    page.family("sluice_limit_cut_total", "counter", "Streams that a limit ended.")
    for limit in report.limits { page.sample("sluice_limit_cut_total", [("limit", limit.name)], limit.cut) }
    let kind = [("kind", store.rawValue)]
    page.family("sluice_limit_store_up", "gauge", "1 while the limits' store answers every reactor.")
    page.sample("sluice_limit_store_up", kind, report.isStorePresent ? 1 : 0)
    page.family("sluice_limit_store_asks_total", "counter", "Leases asked of the limits' store.")
    page.sample("sluice_limit_store_asks_total", kind, report.asks)
    page.family("sluice_limit_subjects", "gauge", "Buckets that this process knows.")
    page.sample("sluice_limit_subjects", [], report.subjects)
    page.family("sluice_limit_subjects_dropped_total", "counter", "Idle subjects that made room for others.")
    page.sample("sluice_limit_subjects_dropped_total", [], report.dropped)
    page.family(
      "sluice_limit_subjects_shared_total", "counter",
      "Times that a limit had no room for a subject, which then shares one with others.")
    for limit in report.limits {
      page.sample("sluice_limit_subjects_shared_total", [("limit", limit.name)], limit.shared)
    }
    page.family("sluice_limit_slots", "gauge", "Slots of concurrency limits that this process holds.")
    page.sample("sluice_limit_slots", [], report.slots)
    page.family("sluice_limit_waiting", "gauge", "Requests and streams that wait for a limit.")
    page.sample("sluice_limit_waiting", [], report.waiting)
    guard store == .redis else { return }
    page.family("sluice_limit_store_connections", "gauge", "Connections to a server of the limits' store.")
    for server in report.servers {
      page.sample("sluice_limit_store_connections", [("server", server.endpoint)], server.connected)
    }
    page.family(
      "sluice_limit_store_refusing", "gauge", "Reactors that ask a server nothing for a while, because it has failed.")
    for server in report.servers {
      page.sample("sluice_limit_store_refusing", [("server", server.endpoint)], server.refusing)
    }
  }

  private static func tokens(_ reports: [ModelTokenReport], _ page: inout MetricsPage) {
    page.family("sluice_tokens_total", "counter", "Tokens of ended requests, as recorded.")
    for report in reports {
      page.sample("sluice_tokens_total", [("model", report.model), ("kind", "prompt")], report.gauges.promptTokens)
      page.sample(
        "sluice_tokens_total", [("model", report.model), ("kind", "completion")], report.gauges.completionTokens)
    }
    page.family(
      "sluice_token_requests_total", "counter", "Requests by where the number of their answer's tokens is from.")
    for report in reports {
      for source in TokenSource.allCases {
        page.sample(
          "sluice_token_requests_total", [("model", report.model), ("source", source.rawValue)],
          report.gauges.requests(source))
      }
    }
    page.family(
      "sluice_token_count_exact", "gauge", "1 when the model's text is counted exactly, 0 when it is estimated.")
    for report in reports {
      guard let source = report.source else { continue }
      page.sample("sluice_token_count_exact", [("model", report.model)], source == .exact ? 1 : 0)
    }
    page.family("sluice_token_count_ratio", "gauge", "Tokens that upstreams reported for each that was counted.")
    for report in reports { drift(report) { page.sample("sluice_token_count_ratio", $0, $1.ratio) } }
    page.family("sluice_token_count_drift", "gauge", "Mean difference of count and report, as a share of the report.")
    for report in reports { drift(report) { page.sample("sluice_token_count_drift", $0, $1.drift) } }
  }

  private static func drift(_ report: ModelTokenReport, _ body: ([(String, String)], TokenDrift) -> Void) {
    body([("model", report.model), ("kind", "prompt")], report.gauges.prompt)
    body([("model", report.model), ("kind", "completion")], report.gauges.completion)
  }

  private static func pools(_ entries: [(upstream: String, gauges: UpstreamGauges)], _ page: inout MetricsPage) {
    let gauges: [(name: String, kind: String, help: String, value: (PoolGauges) -> Int)] = [
      ("sluice_sessions_idle", "gauge", "Idle sessions of an upstream's pools.", { $0.idle }),
      ("sluice_sessions_leased", "gauge", "Sessions at work.", { $0.leased }),
      ("sluice_sessions_connecting", "gauge", "Sessions being opened.", { $0.connecting }),
      ("sluice_requests_waiting", "gauge", "Requests that wait for a session.", { $0.waiting }),
      ("sluice_sessions_opened_total", "counter", "Sessions opened.", { Int(clamping: $0.opened) }),
      ("sluice_session_faults_total", "counter", "Sessions that failed at work.", { Int(clamping: $0.faults) }),
      (
        "sluice_queue_timeouts_total", "counter", "Requests that waited too long for a session.",
        { Int(clamping: $0.queueTimeouts) }
      ),
    ]
    for gauge in gauges {
      page.family(gauge.name, gauge.kind, gauge.help)
      for entry in entries { page.sample(gauge.name, [("upstream", entry.upstream)], gauge.value(entry.gauges.pool)) }
    }
  }
}

/// A page of metrics as it grows.
struct MetricsPage {
  private(set) var text = ""

  mutating func family(_ name: String, _ kind: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
    line(name, labels, "\(value)")
  }

  /// Nothing is written while nothing is known.
  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double?) {
    if let value { line(name, labels, "\(value)") }
  }

  private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
    let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
    text += pairs.isEmpty ? "\(name) \(value)\n" : "\(name){\(pairs)} \(value)\n"
  }

  /// Label values may hold anything but a bare quote, backslash or line feed.
  static func escaped(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
