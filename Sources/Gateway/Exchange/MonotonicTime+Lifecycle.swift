internal import Lifecycle
internal import Reactor

extension Moment {
  init(_ time: MonotonicTime) { self.init(nanoseconds: time.nanoseconds) }
}

extension MonotonicTime {
  init(_ moment: Moment) { self = moment == .never ? .never : MonotonicTime(nanoseconds: moment.nanoseconds) }
}

extension Span {
  /// Saturates; nothing for a negative duration.
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let (product, overflow) = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflows) = product.addingReportingOverflow(UInt64(clamping: attoseconds / 1_000_000_000))
    self.init(nanoseconds: overflow || overflows ? .max : sum)
  }
}
