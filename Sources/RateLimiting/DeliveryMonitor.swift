/// Watches what is delivered and knows the worst there was: in windows of one length, and beyond the rate in windows of every length. Used by tests and the simulator.
public struct DeliveryMonitor: Sendable {
  /// The window's length.
  public let windowMilliseconds: Int
  /// The most units in one window.
  public private(set) var worstWindow = 0
  /// The most units beyond the rate, over all windows of any length: the bound says that it is at most ``LimitBound/allowed``.
  public private(set) var worstExcess = 0
  /// All units.
  public private(set) var total = 0

  private let rate: LeaseRate
  private var slots: [(time: Int, amount: Int)] = []
  private var first = 0
  private var inWindow = 0
  private var excess = 0
  private var carried = 0
  private var excessAt: Int?

  /// A monitor that has seen nothing.
  public init(rate: LeaseRate, windowMilliseconds: Int) {
    self.rate = rate
    self.windowMilliseconds = max(1, windowMilliseconds)
  }

  /// Units delivered at a time; times must not run back. A window holds what lies less than its length apart.
  public mutating func delivered(_ amount: Int, at time: Int) {
    guard amount > 0 else { return }
    total += amount
    inWindow += amount
    if let last = slots.indices.last, last >= first, slots[last].time == time {
      slots[last].amount += amount
    } else {
      slots.append((time, amount))
    }
    while slots[first].time <= time - windowMilliseconds {
      inWindow -= slots[first].amount
      first += 1
    }
    if first > 4096 && first * 2 > slots.count {
      slots.removeFirst(first)
      first = 0
    }
    worstWindow = max(worstWindow, inWindow)
    // A tank that leaks at the rate: its highest level is the most that any window held beyond rate × its length.
    let gain = rate.gain(time - (excessAt ?? time), carried: carried)
    carried = gain.carried
    if gain.units >= excess { (excess, carried) = (0, 0) } else { excess -= gain.units }
    excess += amount
    excessAt = time
    worstExcess = max(worstExcess, excess)
  }
}
