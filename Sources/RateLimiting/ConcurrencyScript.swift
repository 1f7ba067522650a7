/// The step of ``ConcurrencyState`` and ``ConcurrencyGroup`` for Redis and Valkey.
///
/// Keys, all with the group's hash tag: 1. a hash of what nodes hold, gone when nobody holds anything; 2. the group's mark; 3. its nodes by when they were heard. A key that
/// holds something else is not ours: it is dropped, and counts as forgotten. Arguments: see ``arguments(_:node:limit:clock:)``. Reply: count, taken, nodes, epoch,
/// version, recovering and replaced (each 0 or 1).
public enum ConcurrencyScript {
  /// Keys that it takes.
  public static let keyCount = 3
  /// How long a group's mark is kept that nobody uses.
  static let markMilliseconds = 7 * 86_400_000

  /// The script's text.
  public static let source = """
    \(ScriptText.functions)
    local slots, mark, members = KEYS[1], KEYS[2], KEYS[3]
    local node = ARGV[1]
    local sequence, held, want, alone = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
    local counted, away = tonumber(ARGV[6]), tonumber(ARGV[7])
    local seenEpoch, seenVersion = tonumber(ARGV[8]), tonumber(ARGV[9])
    local limit, now = tonumber(ARGV[10]), tonumber(ARGV[11])
    if now == 0 then
      local clock = redis.call('TIME')
      now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
    end
    local life, recovery = \(ConcurrencyState.lifeMilliseconds), \(ConcurrencyState.recoveryMilliseconds)
    local top = \(BucketSnapshot.versionMax)
    local own, others = nil, 0
    local stored = ours(slots, 'HGETALL', slots)
    for index = 1, #stored, 2 do
      local name = stored[index]
      local count, last, expiry = string.match(stored[index + 1], '^(%d+):(%d+):(%d+)$')
      count, last, expiry = number(count, 0, top), number(last, 0, top), number(expiry, 0, top)
      if expiry <= now then
        redis.call('HDEL', slots, name)
      else
        if expiry > now + life then
          redis.call('HSET', slots, name, text(count) .. ':' .. text(last) .. ':' .. text(now + life))
        end
        if name == node then own = {count, last} else others = others + count end
      end
    end
    others = math.min(others, top)

    local known = ours(mark, 'HMGET', mark, 'e', 'u', 'v')
    local epoch, untilTime, version = number(known[1], 0, top), number(known[2], 0, top), number(known[3], 0, top)
    untilTime = math.min(untilTime, now + recovery)
    local new = epoch == 0
    local missed = counted > 0 and not own
    local behind = seenEpoch > epoch or (seenEpoch == epoch and (seenVersion > version or missed))
    local forgotten = seenEpoch > 0 and (new or behind or seenEpoch ~= epoch)
    if new or behind then epoch, version = math.min(math.max(now, seenEpoch + 1, epoch + 1, 1), top), 0 end
    if forgotten or away == 1 then untilTime = now + recovery end
    version = math.min(version + 1, top)
    redis.call('HSET', mark, 'e', text(epoch), 'u', text(untilTime), 'v', text(version))
    redis.call('PEXPIRE', mark, \(markMilliseconds))

    ours(members, 'ZADD', members, text(now), node)
    for _, name in ipairs(redis.call('ZRANGEBYSCORE', members, '(' .. text(now), '+inf')) do
      redis.call('ZADD', members, text(now), name)
    end
    redis.call('ZREMRANGEBYSCORE', members, '-inf', text(now - life))
    redis.call('PEXPIRE', members, text(4 * life))

    local recovering = untilTime > now
    local count = own and own[1] or 0
    if not own or count == 0 or own[2] <= sequence then
      held = math.min(math.max(0, held), \(ConcurrencyState.slotsMax))
      want = math.min(math.max(held, want), \(ConcurrencyState.slotsMax))
      local most = limit - others
      if recovering then most = math.min(most, alone) end
      count = math.max(held, math.min(want, most))
      if count == 0 then redis.call('HDEL', slots, node) else
        redis.call('HSET', slots, node, text(count) .. ':' .. text(sequence) .. ':' .. text(now + life))
        redis.call('PEXPIRE', slots, text(4 * life))
      end
    end
    return {count, others + count, redis.call('ZCARD', members), epoch, version, recovering and 1 or 0, replaced}
    """

  /// The arguments of a request, in order; `clock` as for ``LeaseScript/arguments(_:_:node:clock:)``.
  public static func arguments(
    _ request: ConcurrencyRequest, node: String, limit: Int, clock: Int = 0
  ) -> [String] {
    let numbers = [
      request.sequence, request.held, request.want, request.alone, request.counted, request.wasAway ? 1 : 0,
      request.seen.epoch, request.seen.version, limit, clock,
    ]
    return [node] + numbers.map { String($0) }
  }

  /// Reads a reply; nil when a store sends anything that the script cannot have said.
  public static func reply(_ numbers: [Int]) -> ConcurrencyReply? {
    let bounds = 0...BucketSnapshot.versionMax
    guard numbers.count == 7, (0...ConcurrencyState.slotsMax).contains(numbers[0]), bounds.contains(numbers[1]),
      numbers[1] >= numbers[0], (1...1 << 20).contains(numbers[2]), bounds.contains(numbers[3]), numbers[3] > 0,
      bounds.contains(numbers[4]), (0...1).contains(numbers[5]), (0...1).contains(numbers[6])
    else { return nil }
    return ConcurrencyReply(
      count: numbers[0], taken: numbers[1], nodes: numbers[2],
      mark: ConcurrencyMark(epoch: numbers[3], version: numbers[4]), isRecovering: numbers[5] == 1,
      replaced: numbers[6] == 1)
  }
}
