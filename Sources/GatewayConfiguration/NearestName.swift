/// Finds the names that somebody probably meant.
public enum NearestName {
  /// Names longer than this are not compared: the cost is the product of both lengths.
  static let bytesMax = 128

  /// The candidates nearest to a text, nearest first, ties in the order given; only those that are near enough to be a slip (a
  /// third of the length, at least one), letter case aside, or that begin with the text.
  public static func nearest(to text: String, among candidates: some Sequence<String>, limit: Int = 1) -> [String] {
    let wanted = Array(text.lowercased().utf8)
    guard !wanted.isEmpty, wanted.count <= bytesMax, limit > 0 else { return [] }
    let allowed = max(1, wanted.count / 3)
    var found: [(distance: Int, order: Int, name: String)] = []
    for (order, candidate) in candidates.enumerated() {
      let bytes = Array(candidate.lowercased().utf8)
      guard bytes.count <= bytesMax else { continue }
      if wanted.count >= 3, bytes.starts(with: wanted) {
        found.append((min(allowed, bytes.count - wanted.count), order, candidate))
        continue
      }
      guard abs(bytes.count - wanted.count) <= allowed else { continue }
      let distance = distance(wanted, bytes)
      if distance <= allowed { found.append((distance, order, candidate)) }
    }
    return found.sorted { ($0.distance, $0.order) < ($1.distance, $1.order) }.prefix(limit).map(\.name)
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other (Damerau-Levenshtein in its
  /// optimal string alignment form): `maxSesions` and `maxSessions` are 1 apart, `pool` and `polo` too.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard !a.isEmpty else { return b.count }
    guard !b.isEmpty else { return a.count }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    var row = beforeLast
    for i in 1...a.count {
      row[0] = i
      for j in 1...b.count {
        let replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)
        row[j] = min(last[j] + 1, row[j - 1] + 1, replace)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
      }
      (beforeLast, last, row) = (last, row, beforeLast)
    }
    return last[b.count]
  }
}
