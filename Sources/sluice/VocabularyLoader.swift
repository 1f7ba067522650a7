import Gateway
import GatewayConfiguration
import Glibc
import Logging
import TokenAccounting
import Tokenization

/// Brings the vocabularies that a configuration needs into memory, each once however often it is asked for: a reload finds them there.
struct VocabularyLoader {
  private let store: VocabularyStore
  private let logger: Logger
  private var loaded: [String: (version: Version, vocabulary: Vocabulary)] = [:]
  private var complaints: Set<String> = []

  /// Which file was loaded: installing it anew makes another.
  private struct Version: Equatable {
    let inode: UInt
    let size: Int
    let changedAt: Int
  }

  init(store: VocabularyStore, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// The vocabularies and fitted estimators for the models of a configuration. What is not installed, or cannot be read, is left out and said:
  /// its models are estimated.
  mutating func shelf(for settings: GatewaySettings) -> VocabularyShelf {
    var shelf = VocabularyShelf()
    for name in Gateway.vocabularies(of: settings).sorted() {
      do {
        if let vocabulary = try vocabulary(name) { shelf.vocabularies[name] = vocabulary }
        shelf.estimators[name] = try store.estimator(name)
      } catch {
        complain(name, "\(error)", .warning)
      }
    }
    return shelf
  }

  private mutating func vocabulary(_ name: String) throws -> Vocabulary? {
    var info = stat()
    guard stat(store.file(name), &info) == 0 else {
      complain(
        name, "not installed: the tokens of its models are estimated. Try: sluice vocabulary install \(name)", .info)
      return nil
    }
    let version = Version(inode: UInt(info.st_ino), size: Int(info.st_size), changedAt: info.st_mtim.tv_sec)
    if let known = loaded[name], known.version == version { return known.vocabulary }
    let vocabulary = try store.load(name)
    loaded[name] = (version, vocabulary)
    return vocabulary
  }

  /// Says it once: a reload a second must not fill the log.
  private mutating func complain(_ name: String, _ words: String, _ level: Logger.Level) {
    guard complaints.insert(name + words).inserted else { return }
    logger.log(level: level, "vocabulary", metadata: ["name": "\(name)", "problem": "\(words)"])
  }
}
