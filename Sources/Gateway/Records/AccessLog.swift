internal import ChatProtocol
internal import GatewayConfiguration
internal import Glibc
internal import HTTPWire
internal import Reactor
internal import TokenAccounting

/// Writes one line for each request, as JSON or as text, into a buffer that goes out in larger pieces: never a write on a request's path.
///
/// Constant words and facts only: no key, no prompt, no answer, no query string.
struct AccessLog {
  /// A line waits at most about so long.
  static let flushInterval = Duration.milliseconds(100)
  /// Beyond this the buffer goes out at once.
  static let flushBytes = 128 << 10

  private let sink: LogSink
  private var buffer = OutputBytes(capacity: 4096)
  private var format = LogFormat.json
  private var clock = LogClock()

  init(sink: LogSink) { self.sink = sink }

  mutating func configure(_ settings: LogSettings) {
    format = settings.format
  }

  /// Whether so much waits that it should go out.
  func flushIsDue(now: MonotonicTime) -> Bool { buffer.count >= Self.flushBytes }

  /// Hands the lines to the sink's thread.
  mutating func flush() {
    guard !buffer.isEmpty else { return }
    sink.write(buffer.array)
    buffer.removeAll()
  }

  /// Adds a request's line. The record is lent, not copied: a copy would count a dozen references up and down.
  mutating func append(_ record: inout RequestRecord, now: MonotonicTime) {
    let format = format
    var clock = clock
    buffer.append(expecting: Self.expectedBytes(record)) { room in
      var line = AccessLogLine(room)
      switch format {
      case .json: line.appendJSON(&record, &clock, now)
      case .text: line.appendText(&record, &clock, now)
      }
      return line.size
    }
    self.clock = clock
  }

  /// The most bytes that a record's line should have. A longer one is written twice, the second time with room for it.
  private static func expectedBytes(_ record: RequestRecord) -> Int {
    var bound = fixedBytesMax + LineWriter.bound(record.consumer) + LineWriter.bound(record.clientAddress)
    bound += LineWriter.bound(record.path) + LineWriter.bound(record.model) + LineWriter.bound(record.upstream)
    bound +=
      LineWriter.bound(record.upstreamModel) + LineWriter.bound(record.errorCode) + LineWriter.bound(record.limit)
    for failure in record.failures { bound += LineWriter.bound(failure) + 16 }
    return bound
  }

  /// All names, numbers, times and constant words of a line: some 1,300 bytes if every one is there and every number has its twenty digits.
  private static let fixedBytesMax = 2_048
}

/// One line of the access log as it is written.
private struct AccessLogLine {
  private var buffer: LineWriter

  init(_ room: UnsafeMutableRawBufferPointer) { buffer = LineWriter(room) }

  /// Bytes of the whole line, whether or not they had room.
  var size: Int { buffer.size }

  mutating func appendJSON(_ record: inout RequestRecord, _ clock: inout LogClock, _ now: MonotonicTime) {
    buffer.append(#"{"time":""#)
    clock.append(to: &buffer, now: now)
    buffer.append(#"","event":"request","id":""#)
    record.id.withBytes { buffer.append($0) }
    buffer.append("\"")
    member(#","consumer":"#, record.consumer)
    member(#","client":"#, record.clientAddress)
    buffer.append(#","method":""#)
    buffer.append(record.method.name)
    buffer.append("\"")
    member(#","path":"#, record.path)
    member(#","model":"#, record.model)
    member(#","upstream":"#, record.upstream)
    member(#","upstream_model":"#, record.upstreamModel)
    buffer.append(#","status":"#)
    buffer.append(decimal: record.status)
    buffer.append(record.isStream ? #","stream":true,"attempts":"# : #","stream":false,"attempts":"#)
    buffer.append(decimal: record.attempts)
    if let first = record.firstContentAt { milliseconds(#","ttft_ms":"#, first.nanoseconds(since: record.startedAt)) }
    milliseconds(#","duration_ms":"#, now.nanoseconds(since: record.startedAt))
    appendTokens(record.tokens, abandoned: record.abandonedTokens)
    if record.eventCount > 0 { number(#","events":"#, record.eventCount) }
    number(#","bytes_out":"#, record.bytesOut)
    member(#","outcome":"#, record.outcome.rawValue)
    if !record.errorCode.isEmpty { member(#","error":"#, record.errorCode) }
    if !record.limit.isEmpty { member(#","limit":"#, record.limit) }
    if !record.failures.isEmpty {
      buffer.append(#","failures":["#)
      for (index, failure) in record.failures.enumerated() {
        if index > 0 { buffer.append(",") }
        buffer.append(quoted: failure)
      }
      buffer.append("]")
    }
    buffer.append("}\n")
  }

  /// What is to be believed, where it is from, and what it was counted to be.
  private mutating func appendTokens(_ tokens: TokenRecord, abandoned: Int) {
    let prompt = tokens.prompt
    let completion = tokens.completion
    number(#","prompt_tokens":"#, prompt?.tokens)
    number(#","completion_tokens":"#, completion?.tokens)
    number(#","total_tokens":"#, tokens.total)
    // Details of zero say nothing.
    detail(#","reasoning_tokens":"#, tokens.reasoning)
    if let reported = tokens.reported {
      detail(#","cached_tokens":"#, reported.cachedTokens)
      detail(#","cache_write_tokens":"#, reported.cacheWriteTokens)
      detail(#","prompt_audio_tokens":"#, reported.promptAudioTokens)
      detail(#","completion_audio_tokens":"#, reported.completionAudioTokens)
      detail(#","rejected_prediction_tokens":"#, reported.rejectedPredictionTokens)
    }
    if let source = completion?.source ?? prompt?.source { member(#","token_source":"#, source.rawValue) }
    if let prompt, let completion, prompt.source != completion.source {
      member(#","prompt_token_source":"#, prompt.source.rawValue)
    }
    number(#","counted_prompt_tokens":"#, tokens.countedPrompt)
    if let counted = tokens.counted {
      number(#","counted_completion_tokens":"#, counted.completion)
      member(#","counted_by":"#, counted.source.rawValue)
    }
    if !tokens.isReportFinal { number(#","reported_completion_tokens":"#, tokens.reported?.completionTokens) }
    detail(#","abandoned_tokens":"#, abandoned)
  }

  mutating func appendText(_ record: inout RequestRecord, _ clock: inout LogClock, _ now: MonotonicTime) {
    clock.append(to: &buffer, now: now)
    buffer.append(" ")
    buffer.append(record.method.name)
    for part in [record.path, record.consumer, record.clientAddress] {
      buffer.append(" ")
      buffer.append(quoted: part)
    }
    buffer.append(" ")
    buffer.append(decimal: record.status)
    word(" model=", record.model)
    word(" upstream=", record.upstream)
    if record.attempts > 0 { number(" attempts=", record.attempts) }
    if let first = record.firstContentAt { milliseconds(" ttft_ms=", first.nanoseconds(since: record.startedAt)) }
    milliseconds(" duration_ms=", now.nanoseconds(since: record.startedAt))
    number(" prompt_tokens=", record.tokens.prompt?.tokens)
    number(" completion_tokens=", record.tokens.completion?.tokens)
    if let source = record.tokens.completion?.source { word(" token_source=", source.rawValue) }
    number(" bytes_out=", record.bytesOut)
    word(" outcome=", record.outcome.rawValue)
    word(" error=", record.errorCode)
    word(" limit=", record.limit)
    for failure in record.failures { word(" failure=", failure) }
    buffer.append(" id=")
    record.id.withBytes { buffer.append($0) }
    buffer.append("\n")
  }

  // Inlined, so that a constant name is written without a call.
  @inline(__always)
  private mutating func member(_ name: StaticString, _ value: String) {
    guard !value.isEmpty else { return }
    buffer.append(name)
    buffer.append(quoted: value)
  }

  private mutating func word(_ name: StaticString, _ value: String) {
    guard !value.isEmpty else { return }
    buffer.append(name)
    buffer.append(quoted: value)
  }

  @inline(__always)
  private mutating func number(_ name: StaticString, _ value: Int?) {
    guard let value else { return }
    buffer.append(name)
    buffer.append(decimal: value)
  }

  @inline(__always)
  private mutating func detail(_ name: StaticString, _ value: Int?) {
    if let value, value > 0 { number(name, value) }
  }

  /// Milliseconds with three decimals.
  private mutating func milliseconds(_ name: StaticString, _ nanoseconds: UInt64) {
    let microseconds = Int(clamping: nanoseconds / 1000)
    buffer.append(name)
    buffer.append(decimal: microseconds / 1000)
    buffer.append(".")
    let rest = microseconds % 1000
    if rest < 100 { buffer.append("0") }
    if rest < 10 { buffer.append("0") }
    buffer.append(decimal: rest)
  }
}

/// Wall-clock time for log lines: the seconds' text is made once a second.
struct LogClock {
  private var second: [UInt8] = []
  private var validUntil = MonotonicTime(nanoseconds: 0)
  private var secondBegan = MonotonicTime(nanoseconds: 0)

  /// Appends RFC 3339 in UTC with milliseconds, for instance `2026-11-21T08:32:00.123Z`.
  mutating func append(to output: inout LineWriter, now: MonotonicTime) {
    if now >= validUntil { beginSecond(now) }
    let milliseconds = Int(min(999, now.nanoseconds(since: secondBegan) / 1_000_000))
    second.withUnsafeBytes { output.append($0) }
    output.append(milliseconds < 10 ? ".00" : milliseconds < 100 ? ".0" : ".")
    output.append(decimal: milliseconds)
    output.append("Z")
  }

  private mutating func beginSecond(_ now: MonotonicTime) {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    var seconds = wall.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let date = "\(1900 + parts.tm_year)-\(Self.two(parts.tm_mon + 1))-\(Self.two(parts.tm_mday))"
    second = Array("\(date)T\(Self.two(parts.tm_hour)):\(Self.two(parts.tm_min)):\(Self.two(parts.tm_sec))".utf8)
    let intoSecond = UInt64(wall.tv_nsec)
    secondBegan = MonotonicTime(nanoseconds: now.nanoseconds > intoSecond ? now.nanoseconds - intoSecond : 0)
    validUntil = secondBegan + .seconds(1)
  }

  private static func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
