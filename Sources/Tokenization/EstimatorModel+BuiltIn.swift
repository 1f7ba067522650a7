/// Costs that come with the program.
///
/// Fitted by `EstimatorFit` to samples of 1,000 tokens from code, Markdown, English documentation and manual pages in nine
/// languages. On the other half of the same kinds of text: mean error 5 to 6 %, 95 of 100 samples within 14 to 17 %
/// (German and lists of digests are the worst). `sluice vocabulary fit` fits them to an operator's own text.
extension EstimatorModel {
  /// For models of no known family: the mean of the families'.
  public static let general = EstimatorModel(
    costs: [
      0.947, 0.262, 0.159, 0.966, 1.837, -0.051, 0.0, 0.05, 0.045, 2.411, 1.276, 0.144, 0.591, 1.414, 0.425,
      0.736, 0.906, 0.941, 0.217, 1.881, 0.368, 0.967, 0.001, 0.777, 0.611, 0.0, 0.766, 0.226, 0.755, 2.181,
      2.2, 0.341,
    ])

  /// By the name of a vocabulary.
  public static let builtIn: [String: EstimatorModel] = [
    "qwen": EstimatorModel(
      costs: [
        1.003, 0.175, 0.208, 1.015, 2.319, -0.099, 0.0, 0.005, 0.0, 2.635, 1.305, 0.148, 0.34, 1.9, 0.152,
        0.683, 0.885, 0.813, 0.403, 2.034, 0.257, 1.036, 0.0, 0.71, 0.672, 0.0, 1.393, 0.381, 1.302, 2.727,
        2.2, 0.381,
      ]),
    "deepseek": EstimatorModel(
      costs: [
        1.034, 0.212, 0.088, 1.119, 1.836, -0.013, 0.0, 0.134, 0.0, 2.361, 1.664, 0.056, 0.347, 1.58, 0.228,
        0.748, 0.896, 0.966, 0.0, 1.877, 0.496, 0.846, 0.0, 0.547, 0.654, 0.0, 0.278, 0.228, 1.003, 2.084,
        2.2, 0.201,
      ]),
    "cl100k": EstimatorModel(
      costs: [
        0.937, 0.247, 0.199, 1.06, 2.295, -0.095, 0.0, 0.0, 0.0, 2.888, 1.543, 0.216, 0.803, 1.555, 0.819,
        0.873, 1.214, 0.921, 0.0, 2.06, 0.257, 1.156, 0.0, 0.833, 0.612, 0.0, 0.897, 0.012, 0.429, 2.089, 2.2,
        0.377,
      ]),
    "o200k": EstimatorModel(
      costs: [
        0.845, 0.338, 0.187, 0.712, 1.283, -0.046, 0.0, 0.007, 0.223, 2.116, 0.801, 0.154, 0.594, 1.039,
        0.505, 0.717, 0.776, 1.018, 0.0, 1.98, 0.381, 0.963, 0.007, 0.925, 0.575, 0.0, 0.808, 0.231, 0.602,
        1.738, 2.2, 0.408,
      ]),
    "tekken": EstimatorModel(
      costs: [
        0.915, 0.339, 0.114, 0.926, 1.452, -0.001, 0.0, 0.104, 0.0, 2.052, 1.066, 0.146, 0.872, 0.995, 0.422,
        0.66, 0.761, 0.986, 0.683, 1.456, 0.451, 0.836, 0.0, 0.87, 0.54, 0.0, 0.452, 0.278, 0.439, 2.267, 2.2,
        0.339,
      ]),
  ]
}
