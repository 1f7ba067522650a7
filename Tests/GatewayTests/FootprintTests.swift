import Lifecycle
import Testing

@testable import Gateway

/// What a request holds for as long as it runs, in bytes: a thousand idle streams are a thousand of each.
@Suite("A request's footprint")
struct FootprintTests {
  /// A class's instance size, as its metadata tells it: behind kind, superclass, flags and address point.
  private static func size(_ type: AnyClass) -> Int {
    Int(unsafeBitCast(type, to: UnsafeRawPointer.self).load(fromByteOffset: 24, as: UInt32.self))
  }

  private final class Pair { let (left, right) = (1, 2) }

  @Test("sizes are read rightly: two words and the object's own two")
  func known() { #expect(Self.size(Pair.self) == 32) }

  @Test("one request is one object of a bounded size")
  func exchange() {
    #expect(Self.size(Exchange.self) <= 1_536)
    #expect(MemoryLayout<RequestState>.size <= 1_088)
    #expect(MemoryLayout<AnswerRelay>.size <= 208)
    #expect(MemoryLayout<ExchangeMachine>.size <= 128)
  }

  @Test("only a stream has the room for its events")
  func stream() {
    #expect(MemoryLayout<AnswerPipeline>.size <= 576)
    #expect(Self.size(StreamAnswer.self) <= MemoryLayout<AnswerPipeline>.size + 48)
  }

  @Test("what a read came to is told in two words")
  func outcome() { #expect(MemoryLayout<AnswerRelay.Outcome>.size <= 16) }
}
