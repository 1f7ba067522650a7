import ArgumentParser

/// What the command line settles for all scenarios.
struct Options: ParsableArguments {
  @Flag(help: "Name the scenarios and stop.") var list = false
  @Option(help: "Run only scenarios whose name contains this; may be given several times.") var filter: [String] = []
  @Option(
    help: """
      Also measure against this: `nginx` (installed by apt-get when it is missing), `uncounted`, the gateway itself \
      with the counting of tokens off, or `limited`, the gateway with four limits a request on a redis-server of its \
      own. May be given several times.
      """)
  var against: [String] = []
  @Option(
    help: "Write the results as JSON to this file; `-` is standard output, and the table then goes to standard error.")
  var json: String?
  @Option(help: "Compare with the bounds of this file, name each breach and exit with 1.") var check: String?
  @Option(help: "How often the contenders take turns.") var rounds = 3
  @Option(help: "Length of a measuring window.") var seconds = 5.0
  @Option(help: "Connections of `request` and `stream-burst`.") var connections = 64
  @Option(help: "Requests a second of `request-paced`.") var rate = 5000.0
  @Option(help: "Streams of `stream-paced` and `idle-streams`.") var streams = 1000
  @Option(
    help:
      "The gateway's own configuration file instead of the generated one; see README.md for the variables it may use.")
  var config: String?
  @Option(help: "The gateway's executable; by default `sluice` beside this one.") var gateway: String?

  func validate() throws {
    guard rounds >= 1, seconds >= 0.1, rate >= 1, (1...10_000).contains(connections), (1...10_000).contains(streams)
    else {
      throw ValidationError("Give at least 1 round, 0.1 seconds, and 1 to 10000 connections and streams.")
    }
    if let other = against.first(where: { !["nginx", "uncounted", "limited"].contains($0) }) {
      throw ValidationError("\(other) is not known; --against takes nginx, uncounted and limited.")
    }
  }
}
