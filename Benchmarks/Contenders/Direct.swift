/// No gateway: the load generator asks the upstream.
struct Direct: Contender {
  let name = "direct"
  let words = "no gateway"
  let hasProcess = false

  func start(_ bench: Bench, upstreamPort: UInt16) -> RunningContender {
    RunningContender(name: name, port: upstreamPort, process: nil, errorLog: nil)
  }
}
