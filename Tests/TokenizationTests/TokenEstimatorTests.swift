import TestKit
import Testing

@testable import Tokenization

@Suite("Token estimator")
struct TokenEstimatorTests {
  @Test("gives one sum however the text is cut")
  func cuts() {
    for text in Samples.texts + [ToyVocabulary.training] {
      let bytes = Array(text.utf8)
      let expected = estimate(bytes, .general)
      everySplit(of: bytes) { first, second in
        var estimator = TokenEstimator(.general)
        estimator.append(first.span.bytes)
        estimator.append(second.span.bytes)
        #expect(estimator.exactEstimate == expected)
      }
      var estimator = TokenEstimator(.general)
      for byte in bytes { estimator.append([byte].span.bytes) }
      #expect(estimator.exactEstimate == expected)
    }
  }

  @Test("takes any bytes, in any parts, and stays within a few tokens a byte")
  func anyBytes() {
    withSeeds(200) { generator in
      let bytes = generator.bytes(count: generator.int(in: 1...400))
      var estimator = TokenEstimator(.general)
      for part in randomPieces(of: bytes, sizeMax: 6, &generator) { estimator.append(part.span.bytes) }
      #expect(estimator.exactEstimate == estimate(bytes, .general), "\(generator)")
      #expect(estimator.exactEstimate <= Double(8 * bytes.count))
    }
  }

  @Test(
    "counts each event where it happens",
    arguments: [
      (EstimatorEvent.letter1, "a bc def", 3), (.letter4, "abc abcd abcdefg", 2),
      (.letterBeyond, "abcdefghijklmnopqr", 4),
      (.unledWord, "(a b) \nc", 1), (.capital, "HTTP Ab", 3), (.caseTurn, "camelCaseX", 2), (.accented, "é ü", 2),
      (.alphabetWord, "мир да", 2), (.alphabetLetter, "мир", 3), (.ideograph, "你好a世", 3), (.ideographRun, "你好a世", 2),
      (.hiragana, "のは", 2), (.katakana, "カナ", 2), (.hangul, "한국", 2), (.digit, "12345", 5),
      (.digitThird, "1234567 1", 4),
      (.signRun, "((a))", 2), (.repeatedSign, "===", 2), (.sign, "({[", 2), (.newlineRun, "a\n\nb\n", 2),
      (.indentation, "\n    a", 1),
      (.indentationBeyond, "\n    a", 2), (.spaceRun, "a   b", 1), (.spaceDigit, "a 1 b2", 1), (.wideSign, "。，", 2),
      (.emoji, "🚀🚀", 2),
      (.joiner, "\u{200D}\u{FE0F}", 2), (.otherSign, "“”", 2), (.scriptScalar, "ไท", 2),
    ])
  func events(event: EstimatorEvent, text: String, count: Int) {
    let model = EstimatorModel(costs: EstimatorEvent.allCases.map { $0 == event ? 1 : 0 })
    #expect(estimate(Array(text.utf8), model) == Double(count))
  }

  @Test("finds the costs that samples were made with")
  func fit() {
    let truth = EstimatorModel(costs: EstimatorEvent.allCases.map { $0 == .letter1 ? 2 : $0 == .digit ? 0.5 : 0 })
    let samples = (1...60).map { number in
      let words = String(repeating: "ab ", count: number) + String(repeating: "7 ", count: 40 + number * number % 17)
      let bytes = Array(words.utf8)
      return EstimatorFit.Sample(text: bytes, tokens: Int(estimate(bytes, truth).rounded()))
    }
    let fitted = EstimatorFit.fit(samples, from: .general)
    for sample in samples {
      #expect(abs(estimate(sample.text, fitted) / Double(sample.tokens) - 1) < 0.03)
    }
    #expect((EstimatorError(fitted, samples)?.meanPercent ?? 100) < 2)
  }

  @Test("writes its costs and reads them back, and refuses what is none")
  func text() throws {
    for model in [EstimatorModel.general] + EstimatorModel.builtIn.values {
      let copy = try #require(EstimatorModel(text: model.text))
      #expect(zip(copy.costs, model.costs).allSatisfy { abs($0 - $1) < 0.001 })
    }
    #expect(EstimatorModel(text: "letter1 x") == nil)
    #expect(EstimatorModel(text: "nothing 1") == nil)
    #expect(EstimatorModel(text: "letter1 nan") == nil)
  }

  @Test("has costs for every vocabulary that needs no acceptance of terms")
  func families() {
    for entry in VocabularyManifest.all where !entry.needsAcceptance {
      #expect(EstimatorModel.builtIn[entry.name] != nil, "\(entry.name)")
    }
  }

  private func estimate(_ bytes: [UInt8], _ model: EstimatorModel) -> Double {
    var estimator = TokenEstimator(model)
    estimator.append(bytes.span.bytes)
    return estimator.exactEstimate
  }
}
