public import Lifecycle

/// What occurred in simulated worlds, so that a gap shows: a promise that was never put to the test is worth nothing.
public final class ExchangeCoverage {
  /// Events without what they carry.
  public enum EventKind: String, CaseIterable, Sendable {
    case answered, routed, began, admitted, admissionWaits, admissionRefused, leased, leaseWaits, sent, answerBegan
    case delivered, progressed, upstreamEnded, completed, failed, limitReached, limitGivesMore, limitWaits, limitRefuses
    case clientSlow, clientReady, clientLeft, mustEnd, time
  }

  static let stages = ExchangeMachine.Stage.allCases
  static let parts = Delivered.allCases

  /// Event by stage.
  var events: [Int]
  /// Fault class by point, and by what the client had.
  var faultPoints: [Int]
  var faultParts: [Int]
  /// New configurations by stage.
  var reloads: [Int]
  private var stepCounts: [ExchangeAction.Step: Int] = [:]
  private var letGoCounts = [Int](repeating: 0, count: 16)

  /// Nothing has occurred yet.
  public init() {
    events = Array(repeating: 0, count: EventKind.allCases.count * Self.stages.count)
    faultPoints = Array(repeating: 0, count: FaultClass.allCases.count * FaultPoint.allCases.count)
    faultParts = Array(repeating: 0, count: FaultClass.allCases.count * Self.parts.count)
    reloads = Array(repeating: 0, count: Self.stages.count)
  }

  func note(_ event: ExchangeEvent, _ stage: ExchangeMachine.Stage) {
    events[Self.index(of: event) * Self.stages.count + Int(stage.rawValue)] += 1
  }

  func note(_ fault: FaultClass, at point: FaultPoint, _ delivered: Delivered) {
    faultPoints[Int(fault.rawValue) * FaultPoint.allCases.count + Int(point.rawValue)] += 1
    faultParts[Int(fault.rawValue) * Self.parts.count + Int(delivered.rawValue)] += 1
  }

  func note(_ action: ExchangeAction) {
    stepCounts[action.step, default: 0] += 1
    letGoCounts[Int(action.letsGo.rawValue) & 15] += 1
  }

  /// How often an event came in a stage.
  public func count(_ event: EventKind, _ stage: ExchangeMachine.Stage) -> Int {
    let row = EventKind.allCases.firstIndex(of: event) ?? 0
    return events[row * Self.stages.count + Int(stage.rawValue)]
  }

  /// How often a fault came at a point.
  public func count(_ fault: FaultClass, at point: FaultPoint) -> Int {
    faultPoints[Int(fault.rawValue) * FaultPoint.allCases.count + Int(point.rawValue)]
  }

  /// How often a fault came when the client had so much.
  public func count(_ fault: FaultClass, behind delivered: Delivered) -> Int {
    faultParts[Int(fault.rawValue) * Self.parts.count + Int(delivered.rawValue)]
  }

  /// How often a step was asked for.
  public func count(_ step: ExchangeAction.Step) -> Int { stepCounts[step] ?? 0 }

  /// How often a possession, alone or among others, was let go of.
  public func count(lettingGo possession: Possessions) -> Int {
    letGoCounts.indices.filter { UInt8($0) & possession.rawValue != 0 }.reduce(0) { $0 + letGoCounts[$1] }
  }

  private static func index(of event: ExchangeEvent) -> Int {
    switch event {
    case .answered: 0
    case .routed: 1
    case .began: 2
    case .admitted: 3
    case .admissionWaits: 4
    case .admissionRefused: 5
    case .leased: 6
    case .leaseWaits: 7
    case .sent: 8
    case .answerBegan: 9
    case .delivered: 10
    case .progressed: 11
    case .upstreamEnded: 12
    case .completed: 13
    case .failed: 14
    case .limitReached: 15
    case .limitGivesMore: 16
    case .limitWaits: 17
    case .limitRefuses: 18
    case .clientSlow: 19
    case .clientReady: 20
    case .clientLeft: 21
    case .mustEnd: 22
    case .time: 23
    }
  }
}
