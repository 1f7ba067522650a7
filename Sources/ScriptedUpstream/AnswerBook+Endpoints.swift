/// What is answered beside completions and embeddings.
extension AnswerBook {
  func echo(_ request: Request, _ body: UnsafeRawBufferPointer) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append("{\"object\":\"echo\",\"method\":")
    bytes.appendQuoted(request.method)
    bytes.append(",\"path\":")
    bytes.appendQuoted(request.path)
    let checksum = String(CRC32.of(body), radix: 16)
    let padded = String(repeating: "0", count: 8 - checksum.count) + checksum
    bytes.append(",\"bodyBytes\":\(body.count),\"crc32\":\"\(padded)\"}")
    return bytes
  }

  static func model(_ name: String) -> String {
    "{\"id\":\"\(name)\",\"object\":\"model\",\"created\":1735689600,\"owned_by\":\"scripted\"}"
  }

  var modelList: [UInt8] {
    let models = shared.settings.modelNames.map(Self.model).joined(separator: ",")
    return Array("{\"object\":\"list\",\"data\":[\(models)]}".utf8)
  }

  /// The simulator's own endpoints, for tests in other processes.
  func control(_ request: Request, _ body: UnsafeRawBufferPointer) -> Answer {
    switch request.path {
    case "/_script/seen": return plain(Script(), request, shared.seen.snapshot.json)
    case "/_script/reset":
      shared.reset()
      return plain(Script(), request, Array("{\"reset\":true}".utf8))
    case "/_script/default":
      do {
        shared.defaultScript = try Script(parsing: String(decoding: body, as: UTF8.self))
        return plain(Script(), request, Array("{\"default\":true}".utf8))
      } catch {
        let message = PlainBody.error(error.description, type: "invalid_request_error", code: "bad_script")
        return plain(Script(), request, status: 400, message)
      }
    default:
      return plain(Script(), request, status: 404, PlainBody.error(status: 404))
    }
  }
}
