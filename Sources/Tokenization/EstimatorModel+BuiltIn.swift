/// Costs that come with the program, in tokens.
///
/// Fitted by `scripts/estimator-error`, which gathers text of eleven kinds, fits to one half of the documents and prints the
/// errors on the other: 3 % in the mean at 1,000 tokens, 95 of 100 samples within 8 to 11 %. What these documents do not
/// have (Korean, Greek, Hebrew, Arabic, scripts of India and Thailand) was taken from lists of words, and is rough.
/// `sluice vocabulary fit` fits all of them to an operator's own text.
extension EstimatorModel {
  /// For models of no known family: the mean of the families'.
  public static let general = EstimatorModel(
    costs: EstimatorEvent.allCases.map { event in
      builtIn.values.reduce(0) { $0 + $1.costs[event.rawValue] } / Double(max(1, builtIn.count))
    })

  /// By the name of a vocabulary.
  public static let builtIn = models(of: table)

  /// Reads a table: a head with the families, then an event and its cost in each. What cannot be read costs nothing.
  static func models(of table: String) -> [String: EstimatorModel] {
    let rows = table.split(separator: "\n").map { $0.split(separator: " ") }
    var costs: [[Double]] = []
    for row in rows.dropFirst() {
      guard let event = EstimatorEvent.named[String(row.first ?? "")] else { continue }
      for (column, cost) in row.dropFirst().enumerated() {
        if column == costs.count { costs.append([Double](repeating: 0, count: EstimatorEvent.allCases.count)) }
        costs[column][event.rawValue] = Double(cost) ?? 0
      }
    }
    var models: [String: EstimatorModel] = [:]
    for (family, costs) in zip(rows.first?.dropFirst() ?? [], costs) {
      models[String(family)] = EstimatorModel(costs: costs)
    }
    return models
  }

  private static let table = """
    event                    qwen deepseek   cl100k    o200k   tekken
    letter1                 0.696    0.702    0.662    0.656    0.697
    letter2                 0.155    0.107    0.288    0.471    0.311
    letter3                 0.148    0.232    0.011   -0.171   -0.019
    letter4                  -0.3     -0.3     -0.3   -0.244     -0.3
    letter5                 0.321    0.096    0.275    0.287    0.405
    letter6                -0.274    0.036   -0.262     -0.3     -0.3
    letter7                -0.002   -0.139   -0.025    0.073   -0.012
    letter8                 0.424    0.432    0.405    0.355    0.437
    letter9                   0.4    0.236    0.393    0.233    0.158
    letter10               -0.071     0.03   -0.081   -0.004    0.072
    letter12                0.075    0.069     0.13    -0.25   -0.083
    letterBeyond            0.169    0.141    0.151    0.131    0.148
    capitalised             0.196    0.218    0.258    0.102    0.144
    capital                 0.045    0.146    0.036    0.096     0.19
    caseTurn                0.237     0.44    0.221    0.556      0.6
    rareLetter              0.225    0.214    0.306    0.193    0.169
    consonantRun             0.17    0.232     0.23    0.089    0.226
    accented                2.632    2.622    2.849    1.851    2.164
    letterAfterAccent       0.238     0.16    0.216      0.0      0.0
    wordAfterSign             0.0      0.0      0.0      0.0      0.0
    wordAfterSigns            0.0      0.0      0.0      0.0      0.0
    wordAfterDigit          0.121    0.503    0.232    0.356    0.207
    wordAfterNewline          0.0    0.148    0.059      0.0    0.161
    wordAfterScript           0.0      0.0    0.351      0.0      0.0
    mixedLetter             0.194    0.063    0.199    0.086    0.159
    mixedTurn                 0.0      0.0      0.0      0.0      0.0
    cyrillic1               1.222     1.13    2.173    1.285    1.318
    cyrillic2                0.31   -0.244    0.442   -0.003     -0.3
    cyrillic3               0.242     1.09   -0.093    0.425    0.584
    cyrillic5               0.173   -0.044   -0.295     -0.3    0.156
    cyrillic7               0.765    0.434    0.989     0.51     0.76
    cyrillic9                -0.3     -0.3   -0.105     -0.3     -0.3
    cyrillic12             -0.273     -0.3    0.894     -0.3     -0.3
    cyrillicBeyond          0.105     0.03    0.165     0.03     0.03
    cyrillicCapital          0.81     0.77    1.301    1.097    0.926
    alphabetWord              0.3     0.07     0.27     0.43      0.3
    alphabetLetter           0.65     0.49     0.94     0.31     0.34
    ideographE4             0.377    0.538    0.768    0.561    0.425
    ideographE5             0.309    0.054    0.469    0.252    0.565
    ideographE6             0.408    0.245    0.267    0.459    0.716
    ideographE7             0.317    0.274    0.864    0.485    0.843
    ideographE8             0.461    0.557    0.891     0.55    0.932
    ideographE9             0.287    0.427    0.716    0.112    0.968
    ideograph1                0.0      0.0      0.0      0.0      0.0
    ideograph2             -0.093     -0.3     -0.3     -0.3    0.126
    ideograph3              1.087    1.573    2.114    1.596    0.964
    ideograph4              0.822    0.555    1.723    1.067    1.041
    ideographAfterKana      1.058    0.448    2.145    1.395    0.315
    hiragana1               0.451     1.07    0.432    0.445     0.73
    hiragana2                 0.0      0.0      0.0      0.0      0.0
    hiragana3               0.396    0.357    1.128    0.769    0.557
    katakana1               1.112    1.005    0.729     1.08    1.296
    katakana2               1.182    1.144    0.849    0.952     0.97
    katakana3                 0.0      0.0    1.394    0.058      0.0
    katakana4               0.378    0.443    0.951    0.536    0.396
    hangul1                  1.33     1.13     1.68     1.16     0.94
    hangul2                  0.53      0.6     0.89     0.43      0.5
    scriptScalar             1.19     0.72     1.45     0.59     0.66
    digit1                  1.255    1.108    1.088    1.154    1.254
    digit2                  1.211      0.0    0.131      0.0    1.148
    digit3                  0.449      0.0      0.0      0.0    0.405
    digitGroup                0.0      0.0      0.0      0.0      0.0
    spaceDigit              0.398      0.0     0.38    0.196    0.445
    spaceScript             1.321    1.054    0.658    0.554    0.809
    stop                    0.621    0.699    0.729    0.689    0.674
    comma                   0.955     0.99    1.111    1.168    1.018
    colon                   0.806    0.983    0.789    0.829    0.852
    quote                   0.715    0.744    0.717    0.759    0.775
    apostrophe              0.119      0.0    0.106      0.0      0.0
    opening                 0.706    0.801    0.738    0.537    0.906
    closing                 0.462    0.745     0.39    0.649      0.4
    bracket                   0.2    0.544    0.471    0.962     0.95
    closingBracket          1.165    0.065    1.137     0.44    0.248
    angle                   0.778     0.76     0.74    0.715    0.833
    hyphen                  1.127    0.997    1.055    1.135    1.237
    underscore              0.385    0.644    0.385     0.51    0.638
    slash                   0.385    0.408    0.421    0.472    0.546
    backslash               1.269    0.505    1.177    1.407    0.551
    hash                    0.526    0.713    0.524    0.227    0.642
    star                    0.814    0.683    0.816    0.875    0.817
    equals                  0.687    0.906    0.593    0.736     1.14
    pipe                    0.413    0.549     0.36    0.456    0.503
    backtick                 0.62    0.682    0.506    0.585    0.568
    dollar                  1.316    0.877     1.43    1.347    0.654
    otherSign               0.313      0.0    0.375    0.666    0.191
    secondClosing             0.0      0.0      0.0      0.0      0.0
    secondQuote             0.504     0.54     0.28    0.361    0.412
    secondComma             0.343    0.093    0.339    0.261    0.209
    secondBackslash         0.209    0.709    0.112    0.304    0.487
    secondSign              0.161    0.228    0.298    0.197    0.168
    furtherSign             0.249    0.419    0.329    0.397    0.483
    repeatedSign            0.142     0.14    0.156    0.107    0.173
    signAfterWord             0.0    0.138      0.0      0.0      0.0
    spaceSign               0.569    0.596    0.545    0.485    0.479
    newlineAfterSign        0.327    0.302    0.287    0.562    0.113
    newline                 1.088    1.074    1.036    1.484     1.06
    newline2                  0.0      0.0      0.0      0.0    0.204
    newlineBeyond           1.723     0.22      1.5    1.067      0.0
    indentation2            0.434    0.589    0.512    0.286    0.554
    indentation4              0.0      0.0      0.0    0.055    0.128
    indentation8              0.0      0.0      0.0      0.0      0.0
    indentation16             0.0      0.0      0.0      0.0      0.0
    indentationBeyond         0.0    0.001      0.0      0.0      0.0
    tab                     0.498    0.654    0.472    0.366    0.697
    spaceRun                1.167    0.868    1.223    1.289    1.264
    spaceRunBeyond            0.0      0.0    0.004      0.0    0.003
    wideSign                1.554    1.591    1.702    1.572    1.226
    wideSignFurther           0.0      0.0      0.0      0.0      0.0
    dash                    0.961    0.853    0.796    1.075    0.338
    latinSign               0.888     1.12    0.603    1.068    0.986
    boxSign                 0.206     0.28    0.291     0.32    0.366
    symbol                  0.853    0.905     1.63    1.274    2.509
    repeatedSymbol            0.0      0.0      0.0      0.0      0.0
    face                    0.205     0.85    1.185    1.051    2.823
    emoji                    1.53    1.712    2.583    2.084    3.005
    flag                    1.542     1.68    2.899    1.891    3.803
    rareScalar                3.0      3.0      3.0      3.0      3.0
    joiner                  1.653    1.418    2.004     1.23    2.826
    stray                     1.0      1.0      1.0      1.0      1.0
    """
}
