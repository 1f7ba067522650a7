public import HTTPWire
public import Reactor

/// What the sessions of one reactor share: the response parser with its field table. Confined to the reactor's thread.
public final class UpstreamContext: @unchecked Sendable {
  /// The sessions' reactor.
  public let reactor: Reactor
  /// Parses one head at a time, between two reads.
  var parser: ResponseHeadParser

  /// Makes the shared part for `reactor`.
  public init(reactor: Reactor, limits: HTTPLimits = .response) {
    self.reactor = reactor
    parser = ResponseHeadParser(limits: limits)
  }
}
