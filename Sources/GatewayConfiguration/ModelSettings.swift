/// A model that clients may ask for, and who serves it.
public struct ModelSettings: Sendable, Equatable {
  /// Its name in the file; for a pattern the pattern's name.
  public var name: String
  /// Which asked names it answers to.
  public var match: ModelMatch
  /// Who serves it, in order of preference; never empty.
  public var serve: [ServeSettings]
  /// Other exact names for it.
  public var aliases: [String]
  /// Models to try when none of ``serve`` can; their own fallbacks follow them.
  public var fallback: [String]
  /// What is tried when one of ``serve`` fails.
  public var onFault: FaultPolicies
  /// The `owned_by` of `/v1/models`.
  public var ownedBy: String
  /// In which vocabulary its tokens are counted.
  public var vocabulary: ModelVocabulary
  /// What its tokens are counted by where there is no text.
  public var tokens: ModelTokenSettings
  /// The most tokens that one answer can have; nil: as is known of its name.
  public var maxOutput: Int?
  /// What its tokens cost; nil: unknown, and no budget may count it.
  public var price: ModelPrice?

  /// A model from its parts.
  public init(
    name: String, match: ModelMatch = .exact, serve: [ServeSettings], aliases: [String] = [], fallback: [String] = [],
    ownedBy: String = "sluice", vocabulary: ModelVocabulary = .auto, tokens: ModelTokenSettings = ModelTokenSettings(),
    maxOutput: Int? = nil, price: ModelPrice? = nil, onFault: FaultPolicies = FaultPolicies()
  ) {
    self.onFault = onFault
    self.maxOutput = maxOutput
    self.name = name
    self.match = match
    self.serve = serve
    self.aliases = aliases
    self.fallback = fallback
    self.ownedBy = ownedBy
    self.vocabulary = vocabulary
    self.tokens = tokens
    self.price = price
  }
}

/// Which asked names a model answers to.
public enum ModelMatch: Sendable, Equatable {
  /// The name itself.
  case exact
  /// Every name that begins so (`gpt-*` in the file); may be empty for `*`.
  case prefix(String)
  /// Every name that the regular expression (a ``ModelPattern``) matches as a whole.
  case regex(String)
}

/// An upstream that serves a model.
public struct ServeSettings: Sendable, Equatable {
  /// The upstream's name.
  public var upstream: String
  /// The model's name there; nil sends the entry's own name (also when asked by an alias), or what a pattern was asked for.
  public var model: String?

  /// A way to be served.
  public init(upstream: String, model: String? = nil) {
    self.upstream = upstream
    self.model = model
  }
}
