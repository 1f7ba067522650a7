import RateLimiting
import TestKit
import Testing

@Suite("Place index")
struct PlaceIndexTests {
  @Test("finds what a dictionary finds, whatever comes and goes")
  func likeADictionary() throws {
    try withSeeds(50) { generator in
      var index = PlaceIndex()
      var known: [String: Int] = [:]
      var names: [String?] = []
      let most = generator.int(in: 1...300)
      for _ in 0..<2000 {
        let name = "name \(generator.int(in: 0...most))"
        let found = index.find(name) { names[$0] == name }
        try #require(found == known[name], "\(generator): \(name)")
        if let found {
          guard generator.int(in: 0...1) == 0 else { continue }
          index.remove(name, at: found)
          (known[name], names[found]) = (nil, nil)
        } else {
          index.insert(name, at: names.count)
          known[name] = names.count
          names.append(name)
        }
        try #require(index.count == known.count, "\(generator)")
      }
      for (name, place) in known { try #require(index.find(name) { names[$0] == name } == place, "\(generator)") }
    }
  }

  @Test("is empty at first, and what is not there can neither be found nor taken out")
  func empty() {
    var index = PlaceIndex()
    #expect(index.count == 0 && index.find("a") { _ in true } == nil)
    index.remove("a", at: 0)
    index.insert("a", at: 7)
    index.remove("a", at: 8)
    index.remove("b", at: 7)
    #expect(index.count == 1 && index.find("a") { $0 == 7 } == 7 && index.find("b") { _ in true } == nil)
    index.remove("a", at: 7)
    #expect(index.count == 0 && index.find("a") { _ in true } == nil)
  }
}
