/// How many connections are at which stage.
public struct ConnectionStages: Sendable, Equatable {
  /// Between two requests, or before the first.
  public var idle = 0
  /// Inside a request's head.
  public var readingHead = 0
  /// Inside a request's body.
  public var readingBody = 0
  /// Being answered.
  public var responding = 0
  /// Answered; the client is still sending.
  public var lingering = 0

  /// None.
  public init() {}

  /// Adds another reactor's.
  public static func += (left: inout ConnectionStages, right: ConnectionStages) {
    left.idle += right.idle
    left.readingHead += right.readingHead
    left.readingBody += right.readingBody
    left.responding += right.responding
    left.lingering += right.lingering
  }

  mutating func add(_ connection: DownstreamConnection) {
    switch connection.phase {
    case .readingHead where connection.input.isEmpty: idle += 1
    case .readingHead: readingHead += 1
    case .readingBody: readingBody += 1
    case .responding: responding += 1
    case .lingering: lingering += 1
    case .closed: break
    }
  }
}
