import RedisClient

/// Feeds any bytes to the gate and hiredis' reader behind it and traps when an invariant breaks.
func fuzzReplies(_ bytes: RawSpan) {
  let stream = bytes.withUnsafeBytes { Array($0) }
  let whole = outcome(stream, cuts: [])
  // A cut taken from the bytes themselves, so that a finding is reproduced by its bytes alone.
  let cut = stream.isEmpty ? 0 : (stream.count &* 31 &+ Int(stream[0])) % (stream.count + 1)
  precondition(outcome(stream, cuts: [cut]) == whole, "two pieces come to something else")
  precondition(outcome(stream, cuts: Array(0...stream.count)) == whole, "one byte at a time comes to something else")
  precondition(whole.violation != .refusedByReader, "hiredis refuses what the gate lets pass")
  for reply in whole.replies { check(reply, depth: 0) }
}

private struct Outcome: Equatable {
  var replies: [RedisReply] = []
  var violation: ReplyViolation?
}

/// Near bounds, so that short inputs reach them.
private let limits: ReplyLimits = {
  var limits = ReplyLimits()
  limits.arrayElementsMax = 64
  limits.elementsMax = 128
  limits.depthMax = 7
  limits.bulkBytesMax = 256
  limits.replyBytesMax = 1_024
  limits.lineBytesMax = 64
  return limits
}()

private func outcome(_ stream: [UInt8], cuts: [Int]) -> Outcome {
  var reader = ReplyReader(limits: limits)
  var outcome = Outcome()
  var start = 0
  do throws(ReplyViolation) {
    for end in cuts + [stream.count] where end >= start {
      reader.feed(Array(stream[start..<end]).span.bytes)
      while let reply = try reader.next() { outcome.replies.append(reply) }
      start = end
    }
  } catch {
    outcome.violation = error
  }
  return outcome
}

private func check(_ reply: RedisReply, depth: Int) {
  switch reply {
  case .array(let elements):
    precondition(depth < limits.depthMax && elements.count <= limits.arrayElementsMax)
    for element in elements { check(element, depth: depth + 1) }
  case .bulk(let bytes): precondition(bytes.count <= limits.bulkBytesMax)
  case .error(let error): precondition(error.message.utf8.count <= 3 * RedisServerError.messageBytesMax)
  case .simple, .integer, .null: break
  }
}
