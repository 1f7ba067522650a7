/// Limit sets found lately, by where their values' texts are in memory rather than by what they say: the names of consumers, models and upstreams are the same
/// objects in each request, and looking at addresses costs a fifth of hashing and comparing texts.
///
/// The texts by which a set is known are kept alive here. So a text with the same address, or the same bytes where they are short and inside the value itself, is the same
/// text; another one, though it may say the same, is looked up the long way.
struct RecentSets: ~Copyable {
  static let rows = 256
  /// Places of a row: two sets of many requests that meet in one must not drive each other out.
  static let ways = 2
  /// Of the values that are not known only each eighth is taken up while its place is taken: texts that are made anew for each request are never found
  /// again and must not drive out all others.
  private static let replacedEach = 8
  private static let wordsOfValue = 2

  private struct Entry {
    let set: LimitSet
    /// Keeps the texts alive.
    let values: ContiguousArray<String?>
  }

  /// Words of all values.
  private let width: Int
  /// What is looked up.
  private let asked: UnsafeMutablePointer<UInt>
  /// The same of what is known, by places.
  private let known: UnsafeMutablePointer<UInt>
  private var entries: ContiguousArray<Entry?> = []
  private var misses = 0

  /// None, for so many values each.
  init(values: Int) {
    width = Self.wordsOfValue * values
    asked = .allocate(capacity: width)
    asked.initialize(repeating: 0, count: width)
    known = .allocate(capacity: width * Self.rows * Self.ways)
  }

  deinit {
    asked.deallocate()
    known.deallocate()
  }

  /// Notes a value of what is looked up.
  ///
  /// - Returns: a hash of it and those before.
  @inline(__always)
  func note(_ value: String?, at index: Int, after hash: UInt) -> UInt {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: width / Self.wordsOfValue), "more values than there are")
    let words = unsafeBitCast(value, to: (UInt, UInt).self)
    asked[Self.wordsOfValue * index] = words.0
    asked[Self.wordsOfValue * index + 1] = words.1
    return ((hash ^ words.0) &* 0x9E37_79B9_7F4A_7C15 ^ words.1) &* 0xA076_1D64_78BD_642F
  }

  /// The set of the values that have been noted, if it is known.
  @inline(__always)
  func find(_ hash: UInt) -> LimitSet? {
    guard !entries.isEmpty else { return nil }
    let row = Self.row(hash)
    if isAsked(row) { return entries[row]?.set }
    return isAsked(row + 1) ? entries[row + 1]?.set : nil
  }

  @inline(__always)
  private func isAsked(_ place: Int) -> Bool {
    let words = known + place * width
    for index in 0..<width where words[index] != asked[index] { return false }
    return true
  }

  /// A set that was looked up the long way.
  ///
  /// - Parameter isNew: it takes the place of an older one of the same values.
  mutating func keep(_ set: LimitSet, _ values: borrowing ContiguousArray<String?>, isNew: Bool) {
    if entries.isEmpty {
      entries = ContiguousArray(repeating: nil, count: Self.rows * Self.ways)
      known.initialize(repeating: 0, count: width * Self.rows * Self.ways)
    }
    // By the texts that are kept: those that were noted need not live any more.
    var hash: UInt = 0
    for index in 0..<values.count { hash = note(values[index], at: index, after: hash) }
    let row = Self.row(hash)
    misses &+= 1
    let same = (row..<row + Self.ways).first { entries[$0] != nil && isAsked($0) }
    let free = (row..<row + Self.ways).first { entries[$0] == nil }
    guard isNew || same != nil || free != nil || misses.isMultiple(of: Self.replacedEach) else { return }
    let place = same ?? free ?? row + misses / Self.replacedEach % Self.ways
    entries[place] = Entry(set: set, values: copy values)
    (known + place * width).update(from: asked, count: width)
  }

  mutating func removeAll() { entries = [] }

  private static func row(_ hash: UInt) -> Int { Int(hash >> 56) % rows * ways }
}
