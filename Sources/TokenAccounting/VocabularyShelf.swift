public import Tokenization

/// The vocabularies and estimators at hand, by name.
public struct VocabularyShelf: Sendable {
  /// Vocabularies that are installed.
  public var vocabularies: [String: Vocabulary]
  /// Costs fitted by the operator.
  public var estimators: [String: EstimatorModel]

  /// A shelf; empty, everything is estimated.
  public init(vocabularies: [String: Vocabulary] = [:], estimators: [String: EstimatorModel] = [:]) {
    self.vocabularies = vocabularies
    self.estimators = estimators
  }

  /// How text of a model with that vocabulary is counted: exactly if it is installed, else by the family's estimator, else by the general one.
  public func measure(_ name: String?) -> TokenMeasure {
    guard let name else { return .estimated(.general, ratio: 1) }
    if let vocabulary = vocabularies[name] { return .exact(vocabulary) }
    return .estimated(estimators[name] ?? EstimatorModel.builtIn[name] ?? .general, ratio: 1)
  }
}
