import ChatProtocol
import Reactor
import ScriptedUpstream
import ServerSentEvents
import TestKit
import Testing
import TokenAccounting

@testable import Lifecycle

@Suite("The relay of a chunk stream")
struct AnswerPipelineTests {
  /// Hands pieces over as the transport does: each read in the reactor's one buffer, behind its head room, or further back as a
  /// chunk's payload is.
  private struct Wire {
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Reactor.headRoom + Reactor.readBytesMax + Reactor.tailRoom, alignment: 64)
    var relay: AnswerPipeline
    var released: [[UInt8]] = []

    init(keepsUsage: Bool = false, eventBytesMax: Int = 8 << 20) {
      relay = AnswerPipeline(
        .chunks(choices: 1, keepsUsage: keepsUsage), counter: AnswerCounter(.general), eventBytesMax: eventBytesMax,
        holdsBytesMax: 0, tailRoom: Reactor.tailRoom)
    }

    mutating func take(_ piece: some Collection<UInt8>, at start: Int = Reactor.headRoom, isLast: Bool = false) throws {
      let payload = start..<start + piece.count
      UnsafeMutableRawBufferPointer(rebasing: buffer[payload]).copyBytes(from: piece)
      switch try relay.take(buffer, payload, isLast: isLast) {
      case .inBuffer(let range):
        // The response head, framing and 16 kB of held bytes may have to go in front; never more than the room there is.
        #expect(range.isEmpty || range.lowerBound >= Reactor.headRoom - AnswerPipeline.waitingRoomMax)
        #expect(range.upperBound <= Reactor.headRoom + Reactor.readBytesMax)
        released.append([UInt8](buffer[range]))
      case .asksForMore: Issue.record("no limit was set")
      case .inLarge(let range):
        let large = relay.takeLarge()
        #expect(range.lowerBound == AnswerPipeline.largeMargin && range.upperBound + Reactor.tailRoom <= large.count)
        released.append([UInt8](large[range]))
      }
    }

    var bytes: [UInt8] { released.flatMap { $0 } }
  }

  static let chunk = #"{"choices":[{"index":0,"delta":{"content":"x"}}]}"#
  static let role = #"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#
  static let finish = #"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#
  static let usage = #"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#

  /// A stream in one spelling, and what of it a client without usage gets.
  private static func spelled(_ end: String, colon: String, bom: Bool) -> (all: [UInt8], without: [UInt8]) {
    func event(_ data: String) -> String { "data:\(colon)\(data)\(end)\(end)" }
    let front =
      (bom ? "\u{FEFF}" : "") + event(role) + ": comment\(end)\(end)" + event(chunk)
      + "event: x\(end)id: 7\(end)retry: 10\(end)data:\(colon)\(chunk)\(end)\(end)" + "id: 8\(end)\(end)"
      + event(finish)
    let back = ": c\(end)\(end)" + event("[DONE]")
    return (Array((front + event(usage) + back).utf8), Array((front + back).utf8))
  }

  @Test(
    "releases every byte but the usage chunk's, however the stream is spelled and split",
    arguments: ["\n", "\r\n", "\r"])
  func everySplitOfEverySpelling(end: String) throws {
    for colon in ["", " "] {
      for bom in [false, true] {
        let (all, without) = Self.spelled(end, colon: colon, bom: bom)
        for keepsUsage in [false, true] {
          for cut in 0...all.count {
            var wire = Wire(keepsUsage: keepsUsage)
            defer { wire.buffer.deallocate() }
            try wire.take(all[..<cut])
            try wire.take(all[cut...], isLast: true)
            #expect(wire.bytes == (keepsUsage ? all : without), "cut at \(cut)")
            Self.expectRead(wire.relay)
          }
          for size in [1, 2, 3, 5, 8, 13] {
            var wire = Wire(keepsUsage: keepsUsage)
            defer { wire.buffer.deallocate() }
            for piece in pieces(of: all, size: size) { try wire.take(piece, isLast: piece.endIndex == all.count) }
            #expect(wire.bytes == (keepsUsage ? all : without), "pieces of \(size)")
            Self.expectRead(wire.relay)
          }
        }
      }
    }
  }

  private static func expectRead(_ relay: AnswerPipeline) {
    #expect(relay.meter.usage?.totalTokens == 3)
    #expect(relay.meter.eventCount == 6)
    #expect(relay.findings.isDone && relay.findings.hasProgress && !relay.findings.hasError)
    #expect(relay.findings.isWhole(choices: 1))
  }

  @Test("releases nothing that is not a whole event, at any time")
  func wholeEventsOnly() throws {
    for end in ["\n", "\r\n"] {
      let (all, _) = Self.spelled(end, colon: " ", bom: false)
      var wire = Wire()
      defer { wire.buffer.deallocate() }
      for byte in all {
        try wire.take([byte])
        guard let last = wire.released.last, !last.isEmpty else { continue }
        // A blank line that ends with CR ends its event; its LF follows alone.
        let text = String(decoding: last, as: UTF8.self)
        #expect(text.hasSuffix("\n\n") || text.hasSuffix("\r\n\r") || text == "\n" || text.hasPrefix("\n"), "\(text)")
      }
    }
  }

  @Test("releases what simulated upstreams send, in random pieces at random places of the buffer")
  func randomSplits() throws {
    let shapes = [
      "events=30", "events=10 lineEnd=crlf text=emoji", "events=10 lineEnd=cr comments=2", "tools=3 bom",
      "events=3 text=big:20000", "events=6 text=big:7000 lineEnd=crlf", "events=2 text=big:300000",
      "events=5 usage=nullEach",
    ]
    try withSeeds(40) { generator in
      let shape = generator.element(of: shapes)
      let script = try Script(parsing: try #require(shape))
      let all = StreamPlan.eventBytes(script, model: "m", includeUsage: true).flatMap { $0 }
      let plan = StreamPlan(script, model: "m", includeUsage: true)
      let usageIndex = plan.eventBytes.count - 2
      let without = plan.eventBytes.enumerated().flatMap { $0.offset == usageIndex ? [] : $0.element }
      let keepsUsage = generator.int(in: 0...1) == 1
      var wire = Wire(keepsUsage: keepsUsage)
      defer { wire.buffer.deallocate() }
      let sizes = generator.element(of: [3, 100, 5_000, 60_000])
      let sizeMax = try #require(sizes)
      for piece in randomPieces(of: all, sizeMax: sizeMax, &generator) {
        let start = Reactor.headRoom + generator.int(in: 0...(Reactor.readBytesMax - piece.count))
        try wire.take(piece, at: start, isLast: piece.endIndex == all.count)
      }
      #expect(wire.bytes == (keepsUsage ? all : without), "\(generator)")
      #expect(wire.relay.findings.isWhole(choices: 1))
    }
  }

  @Test("follows an event larger than the head room and what comes behind it, up to its bound")
  func largeEvents() throws {
    let big = String(repeating: "y", count: 200_000)
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\(big)\"}}]}\n\n"
    let all = Array(
      "data: \(Self.chunk)\n\n\(event)data: \(Self.finish)\n\ndata: \(Self.usage)\n\n\(event)data: [DONE]\n\n".utf8)
    for size in [1_000, 8_192, 8_193, 30_000, 65_536] {
      var wire = Wire()
      defer { wire.buffer.deallocate() }
      for piece in pieces(of: all, size: size) { try wire.take(piece) }
      #expect(wire.bytes.count == all.count - "data: \(Self.usage)\n\n".utf8.count)
      #expect(wire.relay.findings.isDone)
      var small = Wire(eventBytesMax: 100_000)
      defer { small.buffer.deallocate() }
      #expect(throws: SSEError.self) { for piece in pieces(of: all, size: size) { try small.take(piece) } }
    }
  }

  private func findings(_ events: String...) throws -> AnswerFindings {
    var wire = Wire()
    defer { wire.buffer.deallocate() }
    for event in events { try wire.take(Array("data: \(event)\n\n".utf8)) }
    return wire.relay.findings
  }

  @Test("tells beginnings from substance, and substance from progress")
  func whatIsSeen() throws {
    #expect(try !findings(Self.role).hasSubstance)
    #expect(try !findings(Self.role).hasProgress)
    #expect(try findings(Self.role, Self.chunk).hasProgress)
    #expect(try findings(Self.role, Self.chunk).progressed)
    #expect(try !findings(Self.chunk, Self.role).progressed)
    #expect(try findings(#"{"choices":[{"index":0,"delta":{"reasoning_content":"r"}}]}"#).hasProgress)
    #expect(try findings(#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0}]}}]}"#).hasProgress)
    let error = try findings(#"{"error":{"message":"m"}}"#)
    #expect(error.hasError && error.hasSubstance && !error.hasProgress)
    #expect(try findings("not json").hasSubstance)
    #expect(try !findings("not json").hasProgress)
    #expect(try !findings(#"{"error":null,"choices":[]}"#).hasError)
    var wire = Wire()
    defer { wire.buffer.deallocate() }
    try wire.take(Array(": comment\n\nid: 5\n\n".utf8))
    #expect(!wire.relay.findings.hasSubstance && wire.relay.meter.eventCount == 0)
  }

  @Test("calls an answer whole when each choice has finished, or one has and [DONE] says that there are no more")
  func wholeness() throws {
    func finish(_ index: Int) -> String { #"{"choices":[{"index":\#(index),"delta":{},"finish_reason":"stop"}]}"# }
    #expect(try findings(finish(0)).isWhole(choices: 1))
    #expect(try !findings(finish(0)).isWhole(choices: 2))
    #expect(try !findings(finish(0), finish(0)).isWhole(choices: 2))
    #expect(try findings(finish(1), finish(0)).isWhole(choices: 2))
    #expect(try findings(finish(0), "[DONE]").isWhole(choices: 2))
    #expect(try findings(finish(0)).isWhole(choices: -5))
    #expect(try !findings(finish(0)).isWhole(choices: .max))
    #expect(try !findings(Self.chunk, "[DONE]").isWhole(choices: 1))
    #expect(try !findings(Self.chunk).isWhole(choices: 1))
  }

  @Test("holds back a [DONE] that nothing has finished before, and releases one behind an error")
  func done() throws {
    for (events, isReleased) in [
      ([Self.chunk, "[DONE]"], false), ([Self.finish, "[DONE]"], true), ([#"{"error":{}}"#, "[DONE]"], true),
      (["[DONE]"], false),
    ] {
      var wire = Wire()
      defer { wire.buffer.deallocate() }
      for event in events { try wire.take(Array("data: \(event)\n\n".utf8)) }
      #expect(wire.relay.findings.isDone == isReleased)
      #expect(String(decoding: wire.bytes, as: UTF8.self).contains("[DONE]") == isReleased)
    }
  }

  @Test("reads an event of several data lines as one text, as a client does")
  func severalDataLines() throws {
    var wire = Wire()
    defer { wire.buffer.deallocate() }
    let all = Array("data: {\"choices\":[{\"index\":0,\ndata: \"delta\":{\"content\":\"x\"}}]}\n\n".utf8)
    try wire.take(all)
    #expect(wire.bytes == all && wire.relay.findings.hasProgress)
  }

  @Test("keeps a chunk without choices that carries more than usage, and an event without data")
  func keptChunks() throws {
    for event in [
      #"{"choices":[],"prompt_filter_results":[]}"#, #"{"choices":[],"usage":null}"#, #"{"choices":[],"usage":{}}"#, "",
      #"{"choices":[],"error":{"message":"m"},"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#,
    ] {
      var wire = Wire()
      defer { wire.buffer.deallocate() }
      let all = Array("data: \(event)\n\n".utf8)
      try wire.take(all)
      #expect(wire.bytes == all, "\(event)")
    }
  }
}
