import Gateway
import ScriptedUpstream
import TestKit
import Testing

@Suite("Whatever happens")
struct ChaosStories {
  // Not `lateBytes`: bytes that come when the next request is already under way cannot be told from its answer in HTTP/1.1, and on a
  // busy machine they do. What can be told is in `StreamStories`.
  static let faults = [
    "fault=none", "fault=status:503", "fault=status:429", "fault=status:401", "fault=htmlError",
    "fault=closeBeforeAnswer", "fault=resetBeforeAnswer", "fault=badHead", "fault=neverAnswer", "fault=reset after=2",
    "fault=close after=1", "fault=stall after=2", "fault=malformed after=1", "fault=truncate after=2",
    "fault=errorEvent after=1", "fault=endEarly after=2", "fault=noDone", "fault=noFinish", "fault=badFraming after=1",
    "fault=closeAfterAnswer",
  ]

  /// What a client does after it has asked.
  private enum Way: CaseIterable { case reads, leavesAtOnce, leavesMidway, resets, readsNothing }

  @Test("to upstreams and clients, every request ends, is recorded once, and leaves nothing behind")
  func chaos() async throws {
    let options =
      "timeouts: { firstToken: 100ms, betweenTokens: 100ms, total: 2s }, pool: { maxSessions: 6, queueTimeout: 1s }"
    try await House.story(upstreams: 2, reactors: 2, options: options) { house async throws in
      var generator = SeededGenerator(seed: 20_261_121)
      var asked = 0
      var open: [(RawClient, Bool)] = []
      for round in 0..<200 {
        let fault = generator.element(of: Self.faults) ?? ""
        let stream = generator.int(in: 0...4) > 0
        let client = try house.client()
        let gap = generator.int(in: 0...1) == 0 ? "gap=1ms" : "gap=0ms"
        try client.post("/v1/chat/completions", chat("events=6 \(gap) \(fault) tag=\(round)", stream: stream))
        asked += 1
        switch generator.element(of: Way.allCases) ?? .reads {
        case .reads: open.append((client, stream))
        case .leavesAtOnce: client.close()
        case .resets: client.reset()
        case .readsNothing: open.append((client, false))
        case .leavesMidway:
          _ = client.readSome(timeout: .milliseconds(5))
          client.close()
        }
        if open.count >= 8 { try finish(&open) }
      }
      try finish(&open)
      let isQuiet = await eventually { await house.gateway.activeCount() == 0 }
      #expect(isQuiet)
      let isClosed = await eventually { await house.gateway.connectionCount() == 0 }
      #expect(isClosed)
      // A client that left before its request was read has asked nothing.
      let lines = try await house.log(count: asked - 80)
      #expect(lines.count <= asked && lines.count >= asked - 80)
      let ids = Set(lines.compactMap { $0["id"] as? String })
      #expect(ids.count == lines.count)
      // And all is well afterwards.
      for _ in 0..<10 { #expect(try house.ask(chat("events=2")).body == (try expected("events=2"))) }
    }
  }

  private func finish(_ open: inout [(RawClient, Bool)]) throws {
    for (client, isStream) in open {
      if isStream {
        let response = try client.readResponse()
        if response.status == 200 {
          // Whole, or ended with words: never silently cut.
          let isWhole = response.text.hasSuffix("data: [DONE]\n\n")
          #expect(isWhole || lastEventErrorCode(response.body) != nil, "\(response.text)")
        } else {
          #expect(try errorObject(response.body)["message"] is String)
        }
      }
      client.close()
    }
    open = []
  }
}
