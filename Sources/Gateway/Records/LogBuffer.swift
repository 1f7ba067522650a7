internal import GatewayConfiguration
internal import Reactor

/// The access log of one reactor: lines wait a moment, and go out in larger pieces.
///
/// `@unchecked Sendable`: confined to its reactor's thread.
final class LogBuffer: TimerHandler, @unchecked Sendable {
  private var log: AccessLog
  private let reactor: Reactor
  private var isFlushPlanned = false

  init(_ log: AccessLog, on reactor: Reactor) {
    self.log = log
    self.reactor = reactor
  }

  func configure(_ settings: LogSettings) { log.configure(settings) }

  func append(_ record: inout RequestRecord) {
    log.append(&record, now: reactor.now)
    if log.flushIsDue(now: reactor.now) {
      log.flush()
    } else if !isFlushPlanned {
      isFlushPlanned = true
      _ = reactor.startTimer(at: reactor.now + AccessLog.flushInterval, self)
    }
  }

  /// The lines that wait go out.
  func timerFired(token: UInt32) {
    isFlushPlanned = false
    log.flush()
  }

  func flush() { log.flush() }
}
