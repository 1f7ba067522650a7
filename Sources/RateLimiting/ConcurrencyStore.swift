/// What a node asks of a concurrency limit at the store.
public enum ConcurrencyRequest: Sendable, Hashable {
  /// Take this slot if fewer than `limit` are taken.
  case acquire(String)
  /// These are still in use. They are taken anew where the store has forgotten them, even beyond the limit: their streams run.
  case refresh([String])
  /// These are free.
  case release([String])
}

/// What the store answers.
public struct ConcurrencyReply: Sendable, Hashable {
  /// The slot was given; true for the other requests.
  public var granted: Bool
  /// Slots that are taken now.
  public var taken: Int

  /// A reply.
  public init(granted: Bool, taken: Int) {
    self.granted = granted
    self.taken = taken
  }
}

/// The slots of one concurrency limit as the store holds them, the pure twin of ``ConcurrencyScript``. No counter: each slot has a name and a time at
/// which it falls free unless it is refreshed, so that a node that dies leaks none.
public struct ConcurrencyState: Sendable, Hashable {
  /// A slot that is not refreshed for so long is free.
  public static let lifeMilliseconds = 15_000
  /// Slots in one request at most.
  public static let slotsMax = 256

  private var expiries: [String: Int] = [:]
  private var time = 0

  /// Nothing is taken.
  public init() {}

  /// Slots that are taken.
  public var taken: Int { expiries.count }

  /// Makes one step. A clock that runs back by up to ten seconds stands; further back, all slots live as if refreshed now.
  public mutating func step(_ request: ConcurrencyRequest, limit: Int, clock: Int) -> ConcurrencyReply {
    var now = clock
    if time > clock {
      if time - clock <= BucketState.clockBehindMillisecondsMax {
        now = time
      } else {
        for name in expiries.keys { expiries[name] = clock + Self.lifeMilliseconds }
      }
    }
    time = now
    expiries = expiries.filter { $0.value > now }
    var granted = true
    switch request {
    case .acquire(let slot):
      granted = expiries[slot] != nil || expiries.count < limit
      if granted { expiries[slot] = now + Self.lifeMilliseconds }
    case .refresh(let slots): for slot in slots { expiries[slot] = now + Self.lifeMilliseconds }
    case .release(let slots): for slot in slots { expiries[slot] = nil }
    }
    return ConcurrencyReply(granted: granted, taken: expiries.count)
  }
}

/// The step of ``ConcurrencyState`` for Redis and Valkey.
///
/// Keys: 1. a sorted set of slots by expiry; 2. the time of the last step, with the same hash tag. Arguments: see ``arguments(_:limit:clock:)``. Reply: granted (0
/// or 1), taken.
public enum ConcurrencyScript {
  /// Keys that it takes.
  public static let keyCount = 2

  /// The script's text.
  public static let source = """
    local slots, last = KEYS[1], KEYS[2]
    local operation, limit, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
    if now == 0 then
      local clock = redis.call('TIME')
      now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
    end
    local function text(number) return string.format('%.0f', number) end
    local life = \(ConcurrencyState.lifeMilliseconds)
    local time = tonumber(redis.call('GET', last) or 0)
    if time > now then
      if time - now <= \(BucketState.clockBehindMillisecondsMax) then now = time else
        for _, slot in ipairs(redis.call('ZRANGE', slots, 0, -1)) do redis.call('ZADD', slots, text(now + life), slot) end
      end
    end
    redis.call('ZREMRANGEBYSCORE', slots, '-inf', text(now))
    local granted = 1
    if operation == 'acquire' then
      if not redis.call('ZSCORE', slots, ARGV[4]) and redis.call('ZCARD', slots) >= limit then granted = 0 else
        redis.call('ZADD', slots, text(now + life), ARGV[4])
      end
    else
      for index = 4, math.min(#ARGV, \(ConcurrencyState.slotsMax + 3)) do
        if operation == 'refresh' then redis.call('ZADD', slots, text(now + life), ARGV[index]) else
          redis.call('ZREM', slots, ARGV[index])
        end
      end
    end
    redis.call('SET', last, text(now), 'PX', text(4 * life))
    redis.call('PEXPIRE', slots, text(4 * life))
    return {granted, redis.call('ZCARD', slots)}
    """

  /// The arguments of a request, in order; `clock` as for ``LeaseScript/arguments(_:_:node:clock:)``.
  public static func arguments(_ request: ConcurrencyRequest, limit: Int, clock: Int = 0) -> [String] {
    let (name, slots) =
      switch request {
      case .acquire(let slot): ("acquire", [slot])
      case .refresh(let slots): ("refresh", Array(slots.prefix(ConcurrencyState.slotsMax)))
      case .release(let slots): ("release", Array(slots.prefix(ConcurrencyState.slotsMax)))
      }
    return [name, String(limit), String(clock)] + slots
  }

  /// Reads a reply; nil when a store sends anything that the script cannot have said.
  public static func reply(_ numbers: [Int]) -> ConcurrencyReply? {
    guard numbers.count == 2, (0...1).contains(numbers[0]), numbers[1] >= 0 else { return nil }
    return ConcurrencyReply(granted: numbers[0] == 1, taken: numbers[1])
  }
}
