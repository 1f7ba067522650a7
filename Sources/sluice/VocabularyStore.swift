import Glibc
import Tokenization

/// The directory with installed vocabularies, and what is in it.
struct VocabularyStore {
  /// The data directory; vocabularies stand in its `vocabularies` folder.
  let directory: String

  /// Finds the directory: the given one, `$SLUICE_DATA`, else `/var/lib/sluice` for root and `~/.local/share/sluice` for
  /// others.
  init(given: String?) {
    if let given {
      directory = given
    } else if let named = Self.variable("SLUICE_DATA") {
      directory = named
    } else if geteuid() != 0, let home = Self.variable("HOME") {
      directory = home + "/.local/share/sluice"
    } else {
      directory = "/var/lib/sluice"
    }
  }

  /// Where the files stand.
  var folder: String { directory + "/vocabularies" }

  /// The vocabulary file called `name`.
  func file(_ name: String) -> String { "\(folder)/\(name).slv" }

  /// The fitted costs called `name`.
  func costsFile(_ name: String) -> String { "\(folder)/\(name).costs" }

  func isInstalled(_ name: String) -> Bool { access(file(name), R_OK) == 0 }

  /// Maps the file, builds the tables and lets go of the mapping: what stays in memory are the tables.
  ///
  /// - Throws: words for the operator.
  func load(_ name: String) throws -> Vocabulary {
    let path = file(name)
    // Without waiting: a pipe of that name would keep the start, or a reload, until somebody writes to it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      guard errno == ENOENT else {
        throw SourceError("\(path): cannot be opened: \(String(cString: strerror(errno))).")
      }
      throw SourceError("The vocabulary \(name) is not installed. Try: sluice vocabulary install \(name)")
    }
    defer { close(descriptor) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG, info.st_size > 0 else {
      throw SourceError("\(path): empty or not readable. Install it again: sluice vocabulary install \(name)")
    }
    let size = Int(info.st_size)
    guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
      throw SourceError("\(path): cannot be mapped: \(String(cString: strerror(errno))).")
    }
    defer { munmap(memory, size) }
    do {
      return try Vocabulary(file: UnsafeRawBufferPointer(start: memory, count: size).bytes)
    } catch {
      throw SourceError("\(path): \(error). Install it again: sluice vocabulary install \(name)")
    }
  }

  /// Fitted costs, if there are some; else those that come with the program for the family, else the general ones.
  func estimator(_ name: String?) throws -> EstimatorModel {
    guard let name else { return .general }
    let path = costsFile(name)
    guard access(path, R_OK) == 0 else { return EstimatorModel.builtIn[name] ?? .general }
    let text = String(decoding: try BoundedFile.read(path, bytesMax: 1 << 16), as: UTF8.self)
    guard let model = EstimatorModel(text: text) else { throw SourceError("\(path): not a file of costs.") }
    return model
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }
}
