/// Which node of a cluster serves which slot, as `CLUSTER SLOTS` told and `MOVED` corrected.
package struct SlotMap: Equatable, Sendable {
  /// How many masters are followed at most; a Redis Cluster is specified up to 1,000 nodes.
  package static let nodesMax = 1_000
  private static let unserved = UInt16.max

  /// The masters, in the order in which they were met.
  package private(set) var nodes: [RedisEndpoint] = []
  private var owner = [UInt16](repeating: unserved, count: HashSlot.count)

  /// A map in which no slot is served.
  package init() {}

  /// Reads the answer to `CLUSTER SLOTS`: arrays of first slot, last slot, master (host, port, …), replicas. Nil when it is not that.
  ///
  /// - Parameter asked: whom the question went to; a node whose host is unknown to the cluster (null or empty) is taken to be there.
  package init?(_ reply: RedisReply, asked: RedisEndpoint) {
    guard let ranges = reply.elements else { return nil }
    // Each slot is served once, and a name is looked up at once: a lying node must not keep the reactor busy.
    var slotsLeft = HashSlot.count
    var known: [RedisEndpoint: UInt16] = [:]
    for range in ranges {
      guard let parts = range.elements, parts.count >= 3,
        let first = parts[0].integer, let last = parts[1].integer,
        first >= 0, last >= first, last < HashSlot.count, last - first < Int64(slotsLeft),
        let master = Self.endpoint(parts[2], asked: asked), let node = known[master] ?? index(of: master)
      else { return nil }
      slotsLeft -= Int(last - first) + 1
      known[master] = node
      for slot in Int(first)...Int(last) { owner[slot] = node }
    }
  }

  private static func endpoint(_ reply: RedisReply, asked: RedisEndpoint) -> RedisEndpoint? {
    guard let parts = reply.elements, parts.count >= 2, let port = parts[1].integer.flatMap(UInt16.init(exactly:)),
      port > 0
    else { return nil }
    switch parts[0] {
    case .null: return RedisEndpoint(host: asked.host, port: port)
    case .bulk, .simple:
      // The cluster says "?" of a node whose name it was told to announce and does not know.
      guard let host = parts[0].text, host.utf8.count <= 255, host != "?" else { return nil }
      return RedisEndpoint(host: host.isEmpty ? asked.host : host, port: port)
    case .error, .integer, .array: return nil
    }
  }

  private mutating func index(of node: RedisEndpoint) -> UInt16? {
    if let known = nodes.lastIndex(of: node) { return UInt16(known) }
    guard nodes.count < Self.nodesMax else { return nil }
    nodes.append(node)
    return UInt16(nodes.count - 1)
  }

  /// Whether any slot is served.
  package var isEmpty: Bool { nodes.isEmpty }

  /// Who serves `slot`; nil when nobody does, or there is no such slot.
  package func node(of slot: Int) -> RedisEndpoint? {
    guard owner.indices.contains(slot), owner[slot] != Self.unserved else { return nil }
    return nodes[Int(owner[slot])]
  }

  /// Notes what a `MOVED` said.
  package mutating func move(_ slot: Int, to node: RedisEndpoint) {
    guard owner.indices.contains(slot), let index = index(of: node) else { return }
    owner[slot] = index
  }
}
