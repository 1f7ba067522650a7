/// What a request wants of the session that it asks for.
public struct LeaseWish: Sendable, Equatable {
  /// True: never a kept session, always a newly connected one. For the retry after a kept session turned out to be stale.
  public var fresh: Bool
  /// An endpoint to take only when there is no other; the one that has just failed this request.
  public var avoidingEndpoint: Int?
  /// Any number: the chance by which `balance: random` chooses.
  public var random: UInt64

  /// A wish; without arguments: any session will do.
  public init(fresh: Bool = false, avoidingEndpoint: Int? = nil, random: UInt64 = 0) {
    self.fresh = fresh
    self.avoidingEndpoint = avoidingEndpoint
    self.random = random
  }
}
