/// One answer as bytes: what is sent first, the pages of what follows, and what then becomes of the connection.
///
/// Shared by all requests that ask for the same, and confined to one reactor: it fills its page cache as it goes.
final class Answer {
  /// What becomes of the connection after the last byte.
  enum Ending: Equatable {
    case keepAlive
    case close
    case reset
    case stall
    /// Stays, and gets these bytes that nobody asked for.
    case late([UInt8])
  }

  /// Pages are about so big.
  static let pageBytes = 48 << 10
  /// What an answer keeps of its pages; the others are rendered again for each connection, so that an endless stream
  /// costs no memory.
  static let keptBytesMax = 4 << 20

  let script: Script
  /// Head and what follows it at once: the body, or a stream's first item.
  let opening: [UInt8]
  /// How many of the plan's items stand in `opening`.
  let openingItems: Int
  /// A comment as it goes over the wire between two items; empty where none may stand.
  let comment: [UInt8]
  let ending: Ending
  /// Whether the answer is what a client would call one.
  let isWhole: Bool
  /// The stream's items; nil when the opening is all.
  let plan: StreamPlan?
  private let framing: Script.Framing
  private let itemsPerPage: Int
  private var pages: [Int: WirePage] = [:]
  private var keptBytes = 0

  /// An answer in one piece.
  init(script: Script, opening: [UInt8], ending: Ending, isWhole: Bool = true) {
    self.script = script
    self.opening = opening
    self.ending = ending
    self.isWhole = isWhole
    openingItems = 0
    comment = []
    plan = nil
    framing = .length
    itemsPerPage = 1
  }

  /// A stream; `head` goes before its items.
  init(plan: StreamPlan, head: [UInt8], framing: Script.Framing, ending: Ending) {
    self.plan = plan
    self.framing = framing
    self.ending = ending
    script = plan.script
    isWhole = plan.ending == .complete
    var sample: [UInt8] = []
    plan.append(min(1, max(0, plan.itemCount - 1)), to: &sample)
    itemsPerPage = max(1, Self.pageBytes / (sample.count + 16))
    comment = Self.comment(plan, framing)
    var opening = head
    var openingItems = 0
    if plan.itemCount > 0, !plan.isPaced(0) {
      let first = WirePage(plan, 0..<min(itemsPerPage, plan.itemCount), framing: framing)
      opening += first.bytes[..<first.ends[0]]
      openingItems = 1
      pages[0] = first
      keptBytes = first.bytes.count
    }
    self.opening = opening
    self.openingItems = openingItems
  }

  /// How many items there are, those of the opening included.
  var itemCount: Int { plan?.itemCount ?? 0 }

  /// The page that holds item `index`, which must be below `itemCount`.
  func page(of index: Int) -> WirePage? {
    guard let plan, index < plan.itemCount else { return nil }
    let number = index / itemsPerPage
    if let page = pages[number] { return page }
    let first = number * itemsPerPage
    let page = WirePage(plan, first..<min(first + itemsPerPage, plan.itemCount), framing: framing)
    if keptBytes + page.bytes.count <= Self.keptBytesMax {
      keptBytes += page.bytes.count
      pages[number] = page
    }
    return page
  }

  /// Between chunks a comment is a chunk of its own; inside one, or within a length, there is no room for any.
  private static func comment(_ plan: StreamPlan, _ framing: Script.Framing) -> [UInt8] {
    guard framing != .length, plan.script.chunkSplit == 0 else { return [] }
    var comment: [UInt8] = []
    plan.dialect.lines.appendComment(to: &comment)
    guard framing == .chunked else { return comment }
    return Array("\(String(comment.count, radix: 16))\r\n".utf8) + comment + Array("\r\n".utf8)
  }
}
