extension LimitSettings {
  /// What a window of tokens or money that slides gives at once at most: nine tenths of the amount, for what may come at once and what comes in the window make
  /// the amount together, and something must be left to come.
  public static func burstMost(of amount: Int) -> Int { amount <= 1 ? amount : amount - max(1, amount / 10) }

  /// Settings that count as something else than they say.
  public var notes: [String] {
    guard let burst, let least = amounts.map(\.units).min() else { return [] }
    let scale: Int
    switch quantity {
    case .tokens: scale = DecimalText.scale
    case .budget: scale = 1
    case .requests, .concurrency: return []
    }
    let most = Self.burstMost(of: least)
    guard burst > most else { return [] }
    let (words, overflow) = most.multipliedReportingOverflow(by: scale)
    return [
      "limits.\(name).burst counts as \(overflow ? "\(most)" : DecimalText.words(words)): at most nine tenths of the amount come at once, the rest refills it."
    ]
  }
}
