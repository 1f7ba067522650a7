internal import Reactor

/// One command's way to its reply: by which deadline, where it was sent, what was tried. Confined to its client's reactor.
final class RedisCall: TimerHandler {
  typealias Completion = (Result<RedisReply, RedisError>) -> Void

  var command: RedisCommand
  let deadline: MonotonicTime
  /// The client's own question (a probe, the cluster's slots): told as it ends, never sent elsewhere.
  let isInternal: Bool
  /// Where a cluster's node sent it.
  var redirection: Redirection?
  var redirects = 0
  var retries = 0
  /// Its script went out whole already.
  var isWhole = false
  /// What runs when its own timer comes due: a retry, or the end of its patience while it is held.
  var onTimer: ((RedisCall) -> Void)?
  private var completion: Completion?

  init(_ command: RedisCommand, deadline: MonotonicTime, isInternal: Bool = false, completion: @escaping Completion) {
    self.command = command
    self.deadline = deadline
    self.isInternal = isInternal
    self.completion = completion
  }

  var isFinished: Bool { completion == nil }

  /// Tells the caller; only the first time counts.
  func finish(_ result: Result<RedisReply, RedisError>) {
    let completion = completion
    self.completion = nil
    onTimer = nil
    completion?(result)
  }

  func timerFired(token: UInt32) {
    let work = onTimer
    onTimer = nil
    work?(self)
  }
}
