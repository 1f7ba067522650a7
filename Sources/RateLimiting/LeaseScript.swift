/// The step of ``BucketState`` as a script for Redis (5 or later) and Valkey, in exactly its semantics.
///
/// Keys, both with the limit's hash tag so that a cluster keeps them together: 1. the bucket, a hash of `l` level, `f` fraction, `t` time, `v` version,
/// `b` burst, and `n:NODE` = `SEQUENCE:GRANT` for each node; 2. the members, a sorted set of nodes by last activity. A key that holds something else is not ours: it is
/// dropped, and counts as forgotten. Arguments: those of ``arguments(_:_:node:clock:)``, all integers but the node. Reply: eight integers, see ``reply(_:)``.
///
/// It writes after it has read the clock, which is allowed because effects are replicated, not the script (the only way since Redis 7, the default since 5).
/// All loops are bounded. Numbers are doubles that hold integers below 2^53; division goes by `fmod`, which is exact.
public enum LeaseScript {
  /// Keys that it takes.
  public static let keyCount = 2

  /// The script's text.
  public static let source = """
    \(ScriptText.functions)
    local bucket, members = KEYS[1], KEYS[2]
    local node, sequence = ARGV[1], tonumber(ARGV[2])
    local amount, period, stepMax = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
    local burst, initial = tonumber(ARGV[6]), tonumber(ARGV[7])
    local want, least, adjust = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
    local seenVersion, seenLevel, seenTime = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
    local expiry, now = tonumber(ARGV[14]), tonumber(ARGV[15])
    local keep, ahead = tonumber(ARGV[16]), tonumber(ARGV[17])
    if now == 0 then
      local clock = redis.call('TIME')
      now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
    end
    local function quotient(a, b) return (a - math.fmod(a, b)) / b end
    local function gain(milliseconds, carried)
      if amount <= 0 or milliseconds <= 0 then return 0, carried end
      local step = math.min(milliseconds, stepMax)
      local parts = step * math.fmod(amount, period) + carried
      local whole = math.min(step * quotient(amount, period), \(LeaseRate.amountMax))
      return math.min(\(LeaseRate.amountMax), whole + quotient(parts, period)), math.fmod(parts, period)
    end
    local unitsMax, top = \(LeaseRate.amountMax), \(LeaseRate.productMax)
    local stored = ours(bucket, 'HMGET', bucket, 'v', 'l', 'f', 't', 'b', 'n:' .. node)
    local version, level, carried = number(stored[1], 0, top), number(stored[2], -unitsMax, unitsMax), number(stored[3], 0, top)
    local time, lastBurst = number(stored[4], 0, top), number(stored[5], 0, unitsMax)
    local lastSequence, lastGrant = 0, 0
    if stored[6] then
      local a, b = string.match(stored[6], '^(%d+):(%d+)$')
      lastSequence, lastGrant = number(a, 0, top), number(b, 0, unitsMax)
    end
    local known = version > 0
    if known and time > now then
      if time - now <= \(BucketState.clockBehindMillisecondsMax) then now = time else
        time = now
        redis.call('DEL', members)
      end
    end
    local adopts = seenVersion > version
    if adopts and seenTime > now then
      if seenTime - now <= \(BucketState.clockBehindMillisecondsMax) then now = seenTime else seenTime = now end
    end
    if not known then level, carried = initial, 0 else
      carried = math.min(carried, period - 1)
      if amount == 0 then level = level + burst - lastBurst end
      local units
      units, carried = gain(now - time, carried)
      level = level + units
    end
    if adopts then
      local units, rest = gain(now - seenTime, 0)
      if not known or seenLevel + units < level then level, carried = seenLevel + units, rest end
      version = seenVersion
    end
    local repeated, stale = stored[6] and lastSequence == sequence, lastSequence > sequence
    if not repeated and not stale then level = level + adjust end
    if level >= burst then level, carried = burst, 0 end
    level = math.max(level, -\(LeaseRate.amountMax))
    local active = now
    if want <= 0 then active = now - \(BucketState.memberMilliseconds + 1) end
    ours(members, 'ZADD', members, text(active), node)
    local horizon = text(now - \(BucketState.forgetMilliseconds))
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', members, '-inf', horizon, 'LIMIT', 0, \(BucketState.forgottenMax))) do
      redis.call('ZREM', members, gone)
      redis.call('HDEL', bucket, 'n:' .. gone)
    end
    local nodes = math.max(1, redis.call('ZCOUNT', members, text(now - \(BucketState.memberMilliseconds)), '+inf'))
    local grant, wait = 0, 0
    if repeated and lastGrant > 0 then
      grant = lastGrant
    elseif want > 0 and not stale then
      least = math.max(1, math.min(least, want))
      local needed = least + math.max(0, keep)
      if level >= needed then
        grant = math.min(want, math.max(least, quotient(level, 2 * nodes)))
        level = level - grant
      else
        if ahead > 0 and level > 0 then grant = math.min(ahead, math.max(1, quotient(level, 2 * nodes))) end
        level = level - grant
        wait = -1
        if amount > 0 then
          wait = math.ceil(((needed - level) * period - carried) / amount)
          wait = math.max(0, math.min(wait, \(BucketTerms.waitMillisecondsMax)))
        end
      end
    end
    if not stale then redis.call('HSET', bucket, 'n:' .. node, text(sequence) .. ':' .. text(grant)) end
    version = math.min(version + 1, \(BucketSnapshot.versionMax))
    redis.call('HSET', bucket, 'v', text(version), 'l', text(level), 'f', text(carried), 't', text(now), 'b', text(burst))
    if amount > 0 and level < -burst then
      local full = math.min(math.ceil((burst - level) * period / amount), \(BucketTerms.debtMillisecondsMax))
      expiry = math.max(expiry, full + \(BucketState.clockBehindMillisecondsMax))
    end
    redis.call('PEXPIRE', bucket, text(expiry))
    redis.call('PEXPIRE', members, text(expiry))
    return {grant, level, version, now, wait, nodes, adopts and 1 or 0, replaced}
    """

  /// The arguments of a request, in order.
  ///
  /// - Parameters:
  ///   - node: the caller's name, unique and new for each process.
  ///   - clock: a test's clock in milliseconds; 0 takes the server's own.
  public static func arguments(
    _ request: LeaseRequest, _ terms: BucketTerms, node: String, clock: Int = 0
  ) -> [String] {
    let numbers = [
      request.sequence, terms.rate.amount, terms.rate.period, terms.rate.stepMillisecondsMax, terms.burst,
      terms.initial, request.want, request.least, request.adjust, request.seen.version, request.seen.level,
      request.seen.time, terms.expiryMilliseconds, clock, request.keep, request.ahead,
    ]
    return [node] + numbers.map { String($0) }
  }

  /// Reads a reply: grant, level, version, time, wait (-1: never), nodes, adopted, replaced. Nil when a store sends anything that the script cannot have said.
  public static func reply(_ numbers: [Int]) -> LeaseReply? {
    guard numbers.count == 8, numbers[2] > 0, numbers[5] > 0 else { return nil }
    let bounds = 0...LeaseRate.amountMax
    guard bounds.contains(numbers[0]), numbers[1].magnitude <= LeaseRate.amountMax,
      (-1...BucketTerms.waitMillisecondsMax).contains(numbers[4]), (0...1).contains(numbers[6]),
      (0...1).contains(numbers[7]),
      numbers[2] <= LeaseRate.productMax, (0...LeaseRate.productMax).contains(numbers[3]), numbers[5] <= 1 << 20
    else { return nil }
    return LeaseReply(
      grant: numbers[0], seen: BucketSnapshot(version: numbers[2], level: numbers[1], time: numbers[3]),
      waitMilliseconds: numbers[4] < 0 ? nil : numbers[4], nodes: numbers[5], adopted: numbers[6] == 1,
      replaced: numbers[7] == 1)
  }
}
