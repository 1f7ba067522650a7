import GatewayConfiguration
import HTTPWire
import Testing

@testable import Gateway

@Suite("What a path asks for")
struct SurfaceTests {
  private func surface(_ path: String) -> Surface {
    let bytes = Array("GET \(path) HTTP".utf8)
    return Surface.of(4..<4 + path.utf8.count, in: bytes.span.bytes)
  }

  @Test("is told by the exact path")
  func exact() {
    for (path, wanted) in [
      ("/v1/chat/completions", Surface.chatCompletions), ("/v1/completions", .completions),
      ("/v1/embeddings", .embeddings), ("/v1/models", .models), ("/v1/responses", .responses),
      ("/v1/messages", .messages), ("/v1/rerank", .jsonByModel), ("/v1/audio/transcriptions", .multipartByModel),
      ("/v1/files", .byRoute), ("/v1/responses/compact", .jsonByModel), ("/v1/score", .jsonByModel),
      ("/v2/rerank", .jsonByModel), ("/v2/chat", .byRoute), ("/v2", .unknown), ("/v3/rerank", .unknown),
      ("/v1/chat/completions/x", .byRoute), ("/v1/engines/m/completions", .byRoute),
      ("/v1/responses/r_1", .byRoute), ("/v1/models/m", .model(11..<12)), ("/v1/models/a/b", .model(11..<14)),
      ("/livez", .live), ("/readyz", .ready), ("/health", .health), ("/healthz", .health), ("/", .unknown),
      ("", .unknown), ("/v1", .unknown), ("/v1/", .unknown), ("/V1/models", .unknown), ("/v11/models", .unknown),
      ("/livez/", .unknown), ("/v1x/chat/completions", .unknown), ("*", .unknown),
    ] {
      #expect(surface(path) == wanted, "\(path)")
    }
  }

  @Test("is the same for every spelling that an upstream may take for it")
  func spellings() {
    for path in [
      "/v1/chat/completions/", "/v1/Chat/Completions", "/v1/chat/%63ompletions", "/v1/%63%48at/completions/",
    ] {
      #expect(surface(path) == .chatCompletions, "\(path)")
    }
    #expect(surface("/v1/models/") == .models)
    #expect(surface("/v1/embedding") == .byRoute)
  }

  @Test("knows its methods, and names them all")
  func methods() {
    for surface in [Surface.chatCompletions, .models, .live, .multipartByModel, .embeddings, .model(0..<1)] {
      for (method, name) in [
        (HTTPMethod.get, "GET"), (.head, "HEAD"), (.post, "POST"), (.put, "PUT"), (.delete, "DELETE"),
        (.patch, "PATCH"),
      ] {
        #expect(surface.allows(method) == "\(surface.allowedMethods ?? "")".contains(name), "\(surface) \(name)")
      }
      #expect(!surface.allows(.other) && !surface.allows(.trace) && !surface.allows(.connect))
    }
    #expect(!Surface.byRoute.allows(.connect) && Surface.byRoute.allows(.patch))
  }
}
