/// One thing that is wrong with a configuration: where, what, and how to mend it. It never holds a secret's text.
public struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
  /// The file's name as the caller gave it.
  public var file: String
  /// Line, from 1.
  public var line: Int
  /// Column in Unicode scalars, from 1.
  public var column: Int
  /// The key, for example `upstreams.deepseek.pool.maxSessions`; empty for the document as a whole.
  public var path: String
  /// What is wrong, without a full stop at its end.
  public var message: String
  /// What to do about it; may be empty.
  public var mend: String

  /// A problem from its parts.
  public init(file: String, line: Int, column: Int, path: String, message: String, mend: String) {
    self.file = file
    self.line = line
    self.column = column
    self.path = path
    self.message = message
    self.mend = mend
  }

  /// `sluice.yaml:12:5: upstreams.deepseek.pool.maxSesions: unknown key. Did you mean maxSessions?`
  public var description: String {
    "\(file):\(line):\(column): " + (path.isEmpty ? "" : "\(path): ") + message + (mend.isEmpty ? "" : ". \(mend)")
  }
}

/// Everything that is wrong with a configuration, in the order of the file. Nothing of such a configuration is used.
public struct InvalidConfiguration: Error, Sendable, Equatable, CustomStringConvertible {
  /// At least one, sorted by position.
  public let problems: [ConfigurationProblem]

  /// Sorts the problems and drops repeats, which a node that is used twice through an anchor would cause.
  public init(problems: [ConfigurationProblem]) {
    var kept: [ConfigurationProblem] = []
    for problem in problems.sorted(by: { ($0.line, $0.column, $0.path) < ($1.line, $1.column, $1.path) })
    where !kept.contains(problem) {
      kept.append(problem)
      if kept.count == Self.problemsMax { break }
    }
    self.problems = kept
  }

  /// More than this many are not reported: nobody reads on, and the list's own cost stays small.
  public static let problemsMax = 200

  /// One problem a line.
  public var description: String { problems.map(\.description).joined(separator: "\n") }
}
