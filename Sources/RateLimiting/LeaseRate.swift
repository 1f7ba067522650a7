/// How fast a bucket refills: a fraction of integers, so that no unit is ever gained or lost by rounding.
///
/// `amount` units come each `period` milliseconds; the part of a unit that has grown at any moment is carried on as a count of 1/`period`.
/// The store's script computes the same in doubles, which are exact for integers below 2^53; the bounds here keep every product below that.
public struct LeaseRate: Sendable, Hashable {
  /// Units that an amount, a level or a burst may have at most: 2^50, a thousand million currency units in millionths.
  @inlinable public static var amountMax: Int { 1 << 50 }
  /// The longest period that is kept as it is: 366 days.
  public static let periodMillisecondsMax = 366 * 86_400_000
  private static let dayMilliseconds = 86_400_000
  /// A product of time and amount stays below this, so that a double holds it exactly with a fraction added.
  static let productMax = 9_000_000_000_000_000

  /// Units in a period, in lowest terms; 0 for a quota, which never refills.
  public let amount: Int
  /// Milliseconds of a period, in lowest terms, at least 1.
  public let period: Int

  /// No refill.
  public static let none = LeaseRate(0, perMilliseconds: 1)

  /// A rate of `amount` units in so many milliseconds. Negative amounts count as 0, bigger ones than ``amountMax`` as that.
  ///
  /// More than a million units over more than a day become units a day, rounded down: an error below a millionth.
  public init(_ amount: Int, perMilliseconds: Int) {
    var amount = min(max(0, amount), Self.amountMax)
    var period = min(max(1, perMilliseconds), Self.periodMillisecondsMax)
    if period > Self.dayMilliseconds && amount > 1_000_000 {
      let product = amount.multipliedFullWidth(by: Self.dayMilliseconds)
      amount = period.dividingFullWidth(product).quotient
      period = Self.dayMilliseconds
    }
    let divisor = Self.greatestCommonDivisor(amount, period)
    self.amount = amount / divisor
    self.period = amount == 0 ? 1 : period / divisor
  }

  /// Whether anything ever comes.
  @inlinable public var isNone: Bool { amount == 0 }

  /// The longest step of time that one refill takes into account; who asks more rarely is full by then, or nearly.
  public var stepMillisecondsMax: Int { Self.productMax / max(1, amount % period) }

  /// What grows in `milliseconds`, with the fraction carried from before.
  func gain(_ milliseconds: Int, carried: Int) -> (units: Int, carried: Int) {
    guard amount > 0, milliseconds > 0 else { return (0, carried) }
    let step = min(milliseconds, stepMillisecondsMax)
    let parts = step * (amount % period) + carried
    let (whole, overflow) = step.multipliedReportingOverflow(by: amount / period)
    let units = overflow ? Self.amountMax : min(Self.amountMax, min(whole, Self.amountMax) + parts / period)
    return (units, parts % period)
  }

  /// Units in so many milliseconds, rounded down.
  public func units(inMilliseconds milliseconds: Int) -> Int { gain(milliseconds, carried: 0).units }

  /// Milliseconds until so many units have grown, rounded up, at most `max`; nil when they never do. A wait is no money: doubles.
  public func milliseconds(for units: Int, carried: Int = 0, max most: Int) -> Int? {
    guard amount > 0 else { return nil }
    let exact = ((Double(units) * Double(period) - Double(carried)) / Double(amount)).rounded(.up)
    return exact <= 0 ? 0 : exact >= Double(most) ? most : Int(exact)
  }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return max(1, a)
  }
}
