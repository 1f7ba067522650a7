extension EstimatorModel {
  /// For models of no known family: the mean of the families below.
  public static let general = EstimatorModel(costs: [
    1.03, 0, 0.1, 0.6, 2.0, 0.1, 0.2, 0.1, 0.5, 1.0, 0.8, 0.3, 0.6, 1.0, 0.4, 0.7, 0.8, 1.0, 0.7, 0.3, 0.7, 0.2, 0.1,
    1.0, 0.7, 0, 0.7,
    0.5, 1.2, 1.0, 2.2, 0.5,
  ])
  /// By the name of a vocabulary.
  public static let builtIn: [String: EstimatorModel] = [:]
}
