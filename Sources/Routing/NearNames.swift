/// Finds the names that a client probably meant, at a price that neither the client nor the number of models can raise.
///
/// Comparing a name of 40 letters with 2,000 others costs 14 ms. Here each name is first judged by two figures that were made when the
/// configuration was read: an edit changes the length by at most one, and at most one of the letters that one text has and the other has not.
/// What passes is compared, most promising first, at most ``comparisonsMax`` names. 2,000 names: some 30 µs, whatever is asked.
struct NearNames: Sendable {
  /// Names compared letter by letter.
  static let comparisonsMax = 32
  /// Names whose permission is asked for.
  static let permissionsMax = 256
  /// More slips than this are no slip.
  static let distanceMax = 5
  /// Longer names are not compared.
  static let bytesMax = 128

  private struct Name: Sendable {
    var bytes: [UInt8]
    /// One bit for each letter and digit that occurs, and for the rest together.
    var letters: UInt64
  }

  private let names: [Name]

  init(_ names: [String]) {
    self.names = names.map { name in
      let bytes = Array(name.lowercased().utf8)
      return Name(bytes: bytes, letters: Self.letters(bytes))
    }
  }

  /// The places of the names nearest to a text, nearest first, ties in the order given; letter case aside.
  ///
  /// - Parameter isAllowed: whether a name may be told.
  func nearest(to text: String, limit: Int, isAllowed: (Int) -> Bool) -> [Int] {
    guard text.utf8.count <= Self.bytesMax else { return [] }
    let wanted = Array(text.lowercased().utf8)
    guard !wanted.isEmpty, wanted.count <= Self.bytesMax else { return [] }
    let allowed = min(max(1, wanted.count / 3), Self.distanceMax)
    var found: [(distance: Int, place: Int)] = []
    var permissions = 0
    for place in promising(wanted, allowed).prefix(Self.comparisonsMax) {
      let name = names[place].bytes
      let isBeginning = wanted.count >= 3 && name.starts(with: wanted)
      let distance =
        isBeginning ? min(allowed, name.count - wanted.count) : Self.distance(wanted, name, atMost: allowed)
      guard distance <= allowed, permissions < Self.permissionsMax else { continue }
      permissions += 1
      if isAllowed(place) { found.append((distance, place)) }
    }
    return found.sorted { ($0.distance, $0.place) < ($1.distance, $1.place) }.prefix(limit).map(\.place)
  }

  /// The places of names that may be near, by how near they may be.
  private func promising(_ wanted: [UInt8], _ allowed: Int) -> [Int] {
    let letters = Self.letters(wanted)
    var places = [[Int]](repeating: [], count: allowed + 1)
    for (place, name) in names.enumerated() where name.bytes.count <= Self.bytesMax {
      let least = max(
        abs(name.bytes.count - wanted.count), (letters & ~name.letters).nonzeroBitCount,
        (name.letters & ~letters).nonzeroBitCount)
      if least <= allowed {
        if places[least].count < Self.comparisonsMax { places[least].append(place) }
      } else if name.bytes.count > wanted.count, wanted.count >= 3, letters & ~name.letters == 0,
        places[allowed].count < Self.comparisonsMax, name.bytes.starts(with: wanted)
      {
        places[allowed].append(place)
      }
    }
    return places.flatMap { $0 }
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other, as `NearestName` counts them; beyond `most`
  /// some number larger than it. Only what lies within `most` of the diagonal is looked at.
  static func distance(_ a: [UInt8], _ b: [UInt8], atMost most: Int) -> Int {
    guard abs(a.count - b.count) <= most else { return most + 1 }
    let width = b.count + 1
    let far = most + 1
    // Three rows in turn: the one before the last, the last, the one being made.
    var rows = [Int](repeating: far, count: 3 * width)
    for j in 0...min(b.count, most) { rows[j] = j }
    for i in 0..<a.count {
      let (last, row, beforeLast) = (i % 3 * width, (i + 1) % 3 * width, (i + 2) % 3 * width)
      let (first, end) = (max(0, i - most), min(b.count, i + 1 + most))
      for j in 0..<width { rows[row + j] = far }
      if i + 1 <= most { rows[row] = i + 1 }
      var least = rows[row]
      for j in first..<max(first, end) {
        var distance = rows[last + j] + (a[i] == b[j] ? 0 : 1)
        distance = min(distance, rows[last + j + 1] + 1, rows[row + j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { distance = min(distance, rows[beforeLast + j - 1] + 1) }
        rows[row + j + 1] = distance
        least = min(least, distance)
      }
      // A swap may still come out of the row before, hence one more.
      if least > most + 1 { return far }
    }
    return rows[a.count % 3 * width + b.count]
  }

  private static func letters(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0) { letters, byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): letters | 1 << UInt64(byte - UInt8(ascii: "a"))
      case UInt8(ascii: "0")...UInt8(ascii: "9"): letters | 1 << UInt64(byte - UInt8(ascii: "0") + 26)
      default: letters | 1 << 36
      }
    }
  }
}
