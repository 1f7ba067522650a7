internal import Transport

/// `/livez`, `/readyz`, `/health`.
extension Exchange {
  /// Live while the process answers; ready until it drains. Redis or an upstream being away does not make a replica unready: a balancer
  /// would take all of them out at once.
  func answerHealth() -> Int? {
    let isReady = worker.isReady
    let isOK = surface == .live || isReady
    let status = isOK ? "ok" : "draining"
    var body = #"{"status":"\#(status)""#
    if surface == .health {
      body += #","ready":\#(isReady),"connections":\#(worker.downstream.connectionCount)"#
      body += #","generation":\#(snapshot.generation)"#
    }
    body += "}"
    answerLocally(
      status: isOK ? 200 : 503, contentType: "application/json", body: Array(body.utf8), outcome: .completed)
    return nil
  }
}
