internal import ChatProtocol
internal import Quotas

/// What a limit says to a client.
extension GatewayError {
  /// A limit refuses a request, or ends a stream with an error.
  ///
  /// SDKs wait by `retry-after` only up to a minute and ask again at once when told a longer time: then they are told not to ask again.
  ///
  /// - Parameter random: spreads the time to wait over a tenth, so that those who were refused together do not come back together.
  static func limited(_ refusal: LimitRefusal, random: UInt64 = 0) -> GatewayError {
    let type: StaticString =
      switch refusal.unit {
      case .tokens: "tokens"
      case .requests, .concurrency: "requests"
      case .money: "insufficient_quota"
      }
    let code: StaticString =
      switch refusal.code {
      case .rateLimitExceeded: "rate_limit_exceeded"
      case .insufficientQuota: "insufficient_quota"
      }
    guard refusal.cause != .noPrice else {
      return GatewayError(
        403, "insufficient_quota", "model_without_price", refusal.words, param: "model", shouldRetry: false)
    }
    var error = GatewayError(429, type, code, refusal.words)
    if case .promptTooLarge = refusal.cause {
      error.shouldRetry = false
      return error
    }
    let wait = max(1, refusal.retryAfterMilliseconds)
    if wait <= retryMillisecondsMax {
      error.retryAfterMilliseconds = min(retryMillisecondsMax, wait + Int(random % UInt64(wait / 10 + 1)))
    } else {
      error.retryAfterMilliseconds = wait
      error.shouldRetry = false
    }
    switch refusal.unit {
    case .tokens, .money: error.tokensResetSeconds = (refusal.resetMilliseconds + 999) / 1000
    case .requests, .concurrency: break
    }
    return error
  }

  /// The longest `retry-after` that all SDKs honour.
  static let retryMillisecondsMax = 60_000
}

extension LimitRefusal {
  /// The limit, whose, how much, and when it comes back.
  var words: String {
    let whose = subjectClass == "all requests" ? "all requests together" : "this \(subjectClass)"
    switch cause {
    case .used: break
    case .promptTooLarge(let size):
      return
        "Request too large for limit '\(limit)' for \(whose): limit \(number(allowed)) \(unitWord), prompt \(number(size)) \(unitWord). Send a shorter prompt."
    case .noPrice:
      return
        "Limit '\(limit)' for \(whose) counts money, and the model has no price in its currency: it cannot be asked under this limit. Ask for a model of /v1/models."
    case .storeAway:
      return
        "Limit '\(limit)' for \(whose): its store does not answer, and what this gateway may give out by itself until it does is used up."
    }
    guard unit != .concurrency else {
      return
        "Limit '\(limit)' for \(whose): \(allowed) requests run at once, which is all it allows. Try again when one has ended."
    }
    let reset =
      resetMilliseconds > 0 ? " It is whole again in \(TimeText.duration(milliseconds: resetMilliseconds))." : ""
    return "Limit '\(limit)' for \(whose) is used up: \(number(used)) of \(number(allowed)) \(unitWord).\(reset)"
  }

  private func number(_ units: Int) -> String {
    if case .money = unit { Self.money(units) } else { "\(units)" }
  }

  private var unitWord: String {
    switch unit {
    case .tokens: "tokens"
    case .requests, .concurrency: "requests"
    case .money(let currency): currency
    }
  }

  /// Millionths as a decimal number, without zeros at its end beyond the hundredths.
  private static func money(_ millionths: Int) -> String {
    var digits = String(abs(millionths) % 1_000_000)
    digits = String(repeating: "0", count: 6 - digits.count) + digits
    while digits.count > 2, digits.last == "0" { digits.removeLast() }
    return "\(millionths < 0 ? "-" : "")\(abs(millionths) / 1_000_000).\(digits)"
  }

  /// What extras in a stream say of it.
  var extras: String {
    let unit =
      switch unit {
      case .tokens: "tokens"
      case .requests: "requests"
      case .concurrency: "concurrency"
      case .money(let currency): currency
      }
    let quoted = String(decoding: JSONText.quoted(limit), as: UTF8.self)
    return
      #""sluice":{"limit":\#(quoted),"code":"\#(code.rawValue)","unit":"\#(unit)","used":\#(used),"allowed":\#(allowed)"#
      + #","reset_ms":\#(resetMilliseconds)}"#
  }
}
