import Foundation
import Tokenization

/// The token counter alone, exact and estimated, and tiktoken on the same text if Python has it.
///
/// Text and vocabularies are the machine's: the repository's own sources and pages with prose in four languages between
/// them, and what `sluice vocabulary install` has put into the data directory. With none installed, only the estimator
/// is measured, and a check of the bounds says what is missing.
struct TokenCountScenario: Scenario {
  let name = "token-count"
  let summary = "the token counter alone: speed by part, whole and without boundaries, and tiktoken beside it"

  private static let textBytes = 1 << 20
  private static let partBytes = 4
  private static let measured: [PreTokeniser] = [.qwen, .o200k, .deepseek]
  private static let memory = Metric(key: "memoryBytes", label: "bytes in memory", decimals: 0)

  func run(_ bench: Bench) throws -> ScenarioReport {
    let text = try Self.text()
    let endless = Self.endless()
    let parts = (text.count + Self.partBytes - 1) / Self.partBytes
    var report = ScenarioReport(name: name, summary: summary, parameters: [])
    var variants: [MicroVariant] = []
    var checks: [String] = []
    var compared: (file: String, count: Int)?
    for kind in Self.measured {
      guard let file = Self.vocabularyFile(kind.name), let bytes = FileManager.default.contents(atPath: file) else {
        continue
      }
      let slv = [UInt8](bytes)
      let vocabulary = try Vocabulary(file: slv.span.bytes)
      let whole = TokenCounter.count(text.span.bytes, in: vocabulary)
      for size in [1, Self.partBytes, 61] {
        let count = Self.count(text, size, vocabulary)
        guard count == whole else {
          throw BenchmarkError("\(kind.name): \(count) tokens in parts of \(size), \(whole) whole")
        }
      }
      checks.append("\(kind.name) \(whole) tokens in every cut, \(vocabulary.memoryBytes) bytes of memory")
      if kind == .qwen { compared = (file, whole) }
      variants += [
        MicroVariant(name: "\(kind.name), 4-byte parts", bytes: text.count, units: parts) {
          UInt64(Self.count(text, Self.partBytes, vocabulary))
        },
        MicroVariant(name: "\(kind.name), whole", bytes: text.count, units: parts) {
          UInt64(TokenCounter.count(text.span.bytes, in: vocabulary))
        },
        MicroVariant(name: "\(kind.name), load", bytes: slv.count, units: 1) {
          UInt64((try? Vocabulary(file: slv.span.bytes))?.tokenCount ?? 0)
        },
      ]
      variants += endless.map { name, text in
        MicroVariant(
          name: "\(kind.name), no boundary: \(name)", bytes: text.count, units: text.count / Self.partBytes
        ) { UInt64(Self.count(text, Self.partBytes, vocabulary)) }
      }
      var measurement = Measurement()
      measurement.set(Self.memory, Double(vocabulary.memoryBytes))
      report.add("\(kind.name), memory", measurement)
    }
    variants.append(
      MicroVariant(name: "estimator, 4-byte parts", bytes: text.count, units: parts) {
        var estimator = TokenEstimator(.general)
        Self.inParts(text, Self.partBytes) { estimator.append($0) }
        return UInt64(estimator.estimate)
      })
    try MicroRun.run(variants, unit: "4-byte part, or load", bench, into: &report)
    if let compared {
      checks.append(try Self.tiktoken(text, compared.file, compared.count, bench, parts: parts, &report))
    } else {
      checks.append("no vocabulary is installed: only the estimator was measured")
    }
    report.checked = checks.joined(separator: "; ")
    return report
  }

  private static func inParts(_ text: [UInt8], _ size: Int, _ body: (RawSpan) -> Void) {
    let bytes = text.span.bytes
    var start = 0
    while start < text.count {
      let end = min(start + size, text.count)
      body(bytes.extracting(start..<end))
      start = end
    }
  }

  private static func count(_ text: [UInt8], _ size: Int, _ vocabulary: Vocabulary) -> Int {
    var counter = TokenCounter(vocabulary)
    inParts(text, size) { counter.append($0) }
    return counter.finish()
  }

  // MARK: Text and vocabularies

  private static func vocabularyFile(_ name: String) -> String? {
    let environment = ProcessInfo.processInfo.environment
    let directories = [
      environment["SLUICE_DATA"], environment["HOME"].map { $0 + "/.local/share/sluice" }, "/var/lib/sluice",
    ]
    return directories.compactMap { $0.map { "\($0)/vocabularies/\(name).slv" } }
      .first { FileManager.default.isReadableFile(atPath: $0) }
  }

  /// An installed vocabulary, ready for counting; nil when it is not there.
  static func vocabulary(_ name: String) throws -> Vocabulary? {
    guard let file = vocabularyFile(name), let bytes = FileManager.default.contents(atPath: file) else { return nil }
    return try Vocabulary(file: [UInt8](bytes).span.bytes)
  }

  /// A part of a source file or page, then a paragraph of prose, and again.
  private static func text() throws -> [UInt8] {
    let root = FileManager.default
    let files = ["docs", "Sources", "Benchmarks", "Tests"].flatMap { folder in
      (root.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).map { "\(folder)/\($0)" }
    }.filter { $0.hasSuffix(".swift") || $0.hasSuffix(".md") || $0.hasSuffix(".py") }.sorted()
    guard !files.isEmpty else { throw BenchmarkError("no sources here to count: run it in the repository's folder") }
    var text: [UInt8] = []
    var turn = 0
    while text.count < textBytes {
      for file in files where text.count < textBytes {
        guard let content = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
        text += content.prefix(3000).utf8
        text += prose[turn % prose.count].utf8
        turn += 1
      }
    }
    return text
  }

  /// Texts that no pre-tokeniser cuts, as an adversary would write them.
  private static func endless() -> [(name: String, text: [UInt8])] {
    var state: UInt64 = 42
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(count))
    }
    func text(_ scalar: () -> UInt32) -> [UInt8] {
      var text = String.UnicodeScalarView()
      var bytes = 0
      while bytes < textBytes {
        guard let scalar = Unicode.Scalar(scalar()) else { continue }
        text.append(scalar)
        bytes += UTF8.width(scalar)
      }
      return Array(String(text).utf8)
    }
    let emoji: [UInt32] = [0x1F600, 0x1F680, 0x200D, 0x2764, 0xFE0F, 0x1F44D, 0x1F3FD]
    return [
      ("letters", text { UInt32(0x61 + random(26)) }), ("one letter", text { 0x61 }), ("spaces", text { 0x20 }),
      ("ideographs", text { UInt32(0x4E00 + random(0x5000)) }), ("emoji", text { emoji[random(emoji.count)] }),
    ]
  }

  private static let prose = [
    "\n\n水车转动时，磨坊主人数着流过闸门的每一桶水。谁用了多少，谁该付多少，账上写得清清楚楚；水多了就关小闸门，水少了就开大一些。\n\n",
    "\n\nМельник считает каждое ведро воды, проходящее через шлюз: кто сколько взял, столько и заплатит, и спорить не о чем.\n\n",
    "\n\nDer Müller zählt jeden Eimer, der durch die Schleuse läuft; wer mehr entnimmt, bezahlt entsprechend mehr, ganz einfach.\n\n",
    "\n\n水門を通る水を、粉屋は一杯ずつ数えます。使った分だけ払えばよいので、だれも不満を言いません。👩‍🌾🇯🇵✅\n\n",
  ]

  // MARK: tiktoken

  /// Measures tiktoken with the vocabulary's own tokens; what it found, in words.
  private static func tiktoken(
    _ text: [UInt8], _ file: String, _ count: Int, _ bench: Bench, parts: Int, _ report: inout ScenarioReport
  ) throws -> String {
    let sample = bench.directory + "/token-count.txt"
    try Data(text).write(to: URL(fileURLWithPath: sample))
    // The tests' environment and the reference tokenizers beside it have it; scripts/test fetches both.
    let tests = ".build/venv/bin/python"
    let references = FileManager.default.currentDirectoryPath + "/.build/token-references/packages"
    let python =
      ProcessInfo.processInfo.environment["SLUICE_PYTHON"]
      ?? (FileManager.default.isExecutableFile(atPath: tests) ? tests : "python3")
    let child = try ChildProcess(
      ChildProcess.Launch(
        path: python, arguments: ["-c", script, file, sample],
        environment: ["PYTHONPATH": references], processor: bench.placement.gateway, output: .pipe,
        errors: .file("/dev/null")),
      custodian: bench.custodian)
    let output = child.readAll(timeoutSeconds: 120).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let words = output.split(whereSeparator: \.isWhitespace)
    guard child.waitForEnd() == 0, words.count == 2, let found = Int(words[0]), let seconds = Double(words[1]) else {
      return "not compared with tiktoken: \(python) does not have it"
    }
    guard found == count else {
      throw BenchmarkError("tiktoken counts \(found) tokens with qwen, the counter \(count)")
    }
    var measurement = Measurement()
    measurement.set(.gigabytesPerSecond, Double(text.count) / seconds / 1e9)
    measurement.set(.nanosecondsPerUnit, seconds * 1e9 / Double(parts))
    report.add("tiktoken, qwen, whole", measurement)
    return "tiktoken agrees"
  }

  private static let script = #"""
    import struct, sys, time, tiktoken
    data = open(sys.argv[1], "rb").read()
    count, = struct.unpack_from("<I", data, 12)
    lengths = data[128:128 + count]
    at = 128 + (count + 7) // 8 * 8
    ranks = {}
    for rank, length in enumerate(lengths):
        ranks[data[at:at + length]] = rank
        at += length
    pattern = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    encoding = tiktoken.Encoding("qwen", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    text = open(sys.argv[2], encoding="utf-8").read()
    best = 1e9
    for _ in range(5):
        start = time.process_time()
        found = len(encoding.encode_ordinary(text))
        best = min(best, time.process_time() - start)
    print(found, best)
    """#
}
