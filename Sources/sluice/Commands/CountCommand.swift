import ArgumentParser
import Tokenization

/// `sluice count`
struct CountCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "count", abstract: "Count the tokens of files as the gateway counts a stream.",
    discussion: "Prints the count, a tab and the file's name, a line a file.")

  @OptionGroup var options: DataOptions
  @Option(help: "The vocabulary; see `sluice vocabulary list`.") var vocabulary: String?
  @Option(help: ArgumentHelp("Read so many bytes at once: the count must not depend on it.", valueName: "bytes"))
  var chunk = 65_536
  @Flag(help: "Estimate instead; with --vocabulary by that family's costs.") var estimate = false
  @Argument(help: "Files of UTF-8 text; `-`, or none, is standard input.") var files: [String] = []

  func validate() throws {
    guard (1...1 << 24).contains(chunk) else { throw ValidationError("--chunk takes 1 to \(1 << 24) bytes.") }
    guard estimate || vocabulary != nil else { throw ValidationError("Give --vocabulary NAME, or --estimate.") }
  }

  func run() throws {
    let store = options.store
    try Complaint.orExit {
      let count: (String) throws -> Int
      if let vocabulary, !estimate {
        let counter = TokenCounter(try store.load(vocabulary))
        count = { file in
          var counter = counter
          try FileText.readParts(file, bytes: chunk) { counter.append($0.span.bytes) }
          return counter.finish()
        }
      } else {
        let estimator = TokenEstimator(try store.estimator(vocabulary))
        count = { file in
          var estimator = estimator
          try FileText.readParts(file, bytes: chunk) { estimator.append($0.span.bytes) }
          return estimator.estimate
        }
      }
      for file in files.isEmpty ? ["-"] : files { print("\(try count(file))\t\(file)") }
    }
  }
}
