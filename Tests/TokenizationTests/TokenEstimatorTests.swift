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
      (.letterBeyond, "abcdefghijklmnopq", 4),
      (.capitalised, "Ab aB HTTP", 2), (.capital, "HTTP Ab", 3), (.caseTurn, "camelCaseX", 2),
      (.rareLetter, "quick", 2), (.consonantRun, "strength", 3), (.accented, "é ü", 2), (.letterAfterAccent, "über", 3),
      (.wordAfterSign, "(a b) ((c", 1), (.wordAfterSigns, "(a b) ((c", 1), (.wordAfterDigit, "2nd", 1),
      (.wordAfterNewline, "a\nb\n c", 1), (.wordAfterScript, "你a", 1), (.mixedLetter, "9fcb", 2),
      (.mixedTurn, "a1b2 12ab", 3), (.cyrillic1, "мир да", 2), (.cyrillic3, "мир да", 1),
      (.cyrillicCapital, "МИР Да", 2),
      (.cyrillicBeyond, "достопримечательность", 9), (.alphabetWord, "και το", 2), (.alphabetLetter, "και", 3),
      (.ideographE4, "你好世", 2), (.ideographE5, "你好世", 1), (.ideograph1, "你好a世", 2), (.ideograph2, "你好a世", 1),
      (.ideographAfterKana, "の世世", 1), (.hiragana1, "のは世に", 2), (.hiragana2, "のはに", 1), (.hiragana3, "のはにり", 2),
      (.katakana1, "カナ", 1), (.katakana4, "ホカカナカ", 2), (.hangul1, "한국 한", 2), (.hangul2, "한국", 1),
      (.digit1, "1234", 2), (.digit3, "123456", 2), (.digitGroup, "1234567 1", 2), (.spaceDigit, "a 1 b2\n   3", 1),
      (.spaceScript, "a 你 é", 1), (.stop, "a. b..", 2), (.opening, "((a))", 1), (.secondClosing, "();", 1),
      (.secondQuote, "('a", 1), (.repeatedSign, "===", 2), (.furtherSign, "({[<", 2), (.signAfterWord, "a: 1, -", 2),
      (.spaceSign, "a: (b", 1), (.newline, "a\n\nb;\n", 1), (.newlineAfterSign, "a\n\nb;\n", 1),
      (.newline2, "a\n\n\nb", 1), (.newlineBeyond, "a\n\n\nb", 1), (.indentation2, "\n    a  b", 1),
      (.indentation4, "\n    a", 1), (.indentation8, "\n    a", 0),
      (.indentationBeyond, "\n" + String(repeating: " ", count: 20), 4), (.tab, "\n\t\ta\tb", 2),
      (.spaceRun, "a   b", 1), (.spaceRunBeyond, "a    b", 2), (.wideSign, "。，a。", 2), (.wideSignFurther, "。，a。", 1),
      (.dash, "“”", 2), (.repeatedSymbol, "“”", 1), (.latinSign, "§ ©", 2), (.boxSign, "├─", 2), (.symbol, "→", 1),
      (.face, "😀🚀", 1), (.emoji, "😀🚀", 1), (.flag, "🇩🇪", 2), (.rareScalar, "𝐱𠀀", 2), (.joiner, "\u{200D}\u{FE0F}", 2),
      (.scriptScalar, "ไท", 2),
    ])
  func events(event: EstimatorEvent, text: String, count: Int) {
    let model = EstimatorModel(costs: EstimatorEvent.allCases.map { $0 == event ? 1 : 0 })
    #expect(estimate(Array(text.utf8), model) == Double(count))
    #expect(EstimatorMachine.shared.counts(Array(text.utf8))[event.rawValue] == Double(count))
  }

  @Test(
    "counts bytes that are no UTF-8 where they stand",
    arguments: [
      ([0x80, 0x80], 2), ([0xC3, 0xA4, 0xA4], 1), ([0xFF], 1), ([0xE4, 0x41], 1), ([0xE4, 0xBD, 0xA0], 0),
    ] as [([UInt8], Double)])
  func strays(bytes: [UInt8], count: Double) {
    #expect(EstimatorMachine.shared.counts(bytes)[EstimatorEvent.stray.rawValue] == count)
  }

  @Test("runs from its table as the state itself reads")
  func table() {
    withSeeds(200) { generator in
      let bytes = Array(Samples.random(&generator).utf8) + generator.bytes(count: 20)
      var state = EstimatorState()
      var counts = [Double](repeating: 0, count: EstimatorEvent.allCases.count)
      for byte in bytes {
        for event in state.read(byte).list { counts[event.rawValue] += 1 }
      }
      #expect(EstimatorMachine.shared.counts(bytes) == counts, "\(generator)")
    }
  }

  @Test("has no event that never happens")
  func allEvents() {
    let happening = Set(EstimatorMachine.shared.sets.joined())
    for event in EstimatorEvent.allCases { #expect(happening.contains(event), "\(event.name)") }
  }

  @Test("lets no long text come to nothing, whatever it repeats")
  func repetitions() {
    let words = ["ab", "Ab", "мир", "aé", "你。", "a.", "\n a", "abcdefghijkl ", "достопримеч "] + Samples.texts
    let units = (0x21...0xFF).map { [UInt8($0)] } + words.map { Array($0.utf8) }
    for model in [EstimatorModel.general] + EstimatorModel.builtIn.values {
      // A blank needs no token of its own; a long run of them is written in few.
      for unit in units where unit.contains(where: { $0 > 0x20 }) {
        let text = Array(repeatElement(unit, count: max(1, 2000 / unit.count)).joined())
        #expect(estimate(text, model) >= Double(text.count) / 80, "\(unit)")
      }
    }
  }

  @Test("finds the costs that samples were made with")
  func fit() {
    let truth = EstimatorModel(costs: EstimatorEvent.allCases.map { $0 == .letter1 ? 2 : $0 == .digit1 ? 0.5 : 0 })
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

  @Test("weighs the errors of samples, and names the one that 95 of 100 stay below")
  func errors() throws {
    let model = EstimatorModel(costs: EstimatorEvent.allCases.map { $0 == .letter1 ? 1 : 0 })
    func sample(_ tokens: Int, _ weight: Double) -> EstimatorFit.Sample {
      EstimatorFit.Sample(text: Array(String(repeating: "a ", count: 100).utf8), tokens: tokens, weight: weight)
    }
    let even = try #require(EstimatorError(model, [sample(100, 1), sample(80, 1)]))
    #expect(even.meanPercent == 12.5 && even.biasPercent == 12.5 && even.p95Percent == 25)
    let uneven = try #require(EstimatorError(model, [sample(100, 97), sample(80, 3)]))
    #expect(uneven.meanPercent == 0.8 && uneven.p95Percent == 0)
    #expect(EstimatorError(model, []) == nil)
  }

  @Test("cuts samples of the size that was asked for, at lines' starts")
  func document() throws {
    let vocabulary = try ToyVocabulary.make(.qwen)
    let text = Array(repeatElement("the model counts tokens\n你好世界 ", count: 120).joined().utf8)
    let samples = EstimatorDocument(text, vocabulary, sampleTokens: 100).samples
    #expect(samples.count == 3)
    for sample in samples {
      #expect(sample.tokens == TokenCounter.count(sample.text.span.bytes, in: vocabulary))
      #expect((100...104).contains(sample.tokens))
      #expect(String(validating: sample.text, as: UTF8.self)?.hasPrefix("你") == true)
    }
    #expect(EstimatorDocument(Array("too short".utf8), vocabulary).samples.isEmpty)
    #expect(EstimatorDocument([], vocabulary).samples.isEmpty)
  }

  private func estimate(_ bytes: [UInt8], _ model: EstimatorModel) -> Double {
    var estimator = TokenEstimator(model)
    estimator.append(bytes.span.bytes)
    return estimator.exactEstimate
  }
}
