/// What the load process is to do; it comes as JSON on its command line.
struct LoadPlan: Codable {
  /// What is asked for.
  enum Answer: String, Codable { case whole, stream }

  /// Who is asked.
  var port: UInt16
  /// The upstream itself: its answer is what every answer has to equal.
  var referencePort: UInt16
  var answer: Answer
  /// About how long the prompt is; nil: short.
  var promptBytes: Int?
  /// What the upstream was told to answer.
  var script: UpstreamScript
  var connections: Int
  /// The connections are opened evenly over this time, so that streams do not run in step.
  var rampSeconds: Double
  /// From the end of the ramp to the beginning of the measuring window.
  var warmUpSeconds: Double
  /// The measuring window.
  var windowSeconds: Double
  /// Requests are asked at this rate, whether or not earlier ones have been answered; nil: each connection asks when it has its answer.
  var requestsPerSecond: Double?
  /// Ends after so many answers instead of after the window; for checks.
  var answersMax: Int?
  /// How long streams may take to finish after the window; one that has not is a failure. 0: they are cut off instead.
  var drainSeconds: Double
  /// The processes whose CPU time and memory are read at both ends of the window.
  var watched: [Int32]
  /// The upstream's process: it shares the load generator's processor, so both together tell whether that was the
  /// limit.
  var upstream: Int32 = 0
  /// The gateway's Redis, whose calls are counted at both ends of the window; nil: none is asked.
  var storePort: UInt16?
  /// Whether memory is read, once before the first connection and once at the end of the window.
  var measuresMemory = false
}

/// What the load process found; it goes as JSON to its standard output.
struct LoadResult: Codable {
  /// Answers received whole and right, over the whole run, and in the window.
  var answersChecked = 0
  var answersInWindow = 0
  /// Events received in order and right, over the whole run, and in the window.
  var eventsChecked = 0
  var eventsInWindow = 0
  /// The window's true length.
  var windowNanoseconds: UInt64 = 0
  /// Answers that were wrong or missing, and the first of them in words.
  var failures = 0
  var failureSamples: [String] = []
  /// Request sent to last byte, and to the first event with text.
  var latency: LatencySummary?
  var firstText: LatencySummary?
  /// The upstream's send of an event to this process' receive of it.
  var eventDelay: LatencySummary?
  /// The watched processes: before the first connection, at the beginning and the end of the window.
  var atRest: ProcessSample?
  var atBegin: ProcessSample?
  var atEnd: ProcessSample?
  /// Calls of scripts that the gateway's Redis had answered at the beginning and the end of the window.
  var storeCallsAtBegin: Int?
  var storeCallsAtEnd: Int?
  /// Streams that had begun and not ended at the end of the window.
  var openStreams = 0
  /// CPU time of the load generator and the upstream in the window: near the window's length, they were the limit.
  var loadCPUNanoseconds: UInt64 = 0
}
