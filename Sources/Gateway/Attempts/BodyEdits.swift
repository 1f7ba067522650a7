internal import CLinux
internal import ChatProtocol
internal import GatewayConfiguration
internal import Quotas
internal import Routing

/// The splices of one request body for one attempt.
enum BodyEdits {
  case none
  case json(RequestEdits)
  case splice(Range<Int>, [UInt8])

  /// What changes in the body of `image` for `attempt`.
  init(_ image: inout RequestImage, _ attempt: inout Attempt) {
    switch image.body?.findings {
    case .multipart(let fields):
      guard let model = fields.model, let name = attempt.candidate.upstreamModel, !name.isEmpty else {
        self = .none
        return
      }
      self = .splice(model, name)
    case .json(let fields): self = Self.edits(fields, &image, &attempt)
    case .opaque, nil: self = .none
    }
  }

  private static func edits(
    _ fields: RequestFields, _ image: inout RequestImage, _ attempt: inout Attempt
  ) -> BodyEdits {
    var renames = false
    if !image.model.isEmpty, let name = attempt.candidate.upstreamModel {
      renames = !image.model.utf8.elementsEqual(name)
    }
    let asksForUsage = image.wantsStream && image.surface.isChunkStream && attempt.upstream.settings.asksForUsage
    let clamp = attempt.grant?.clampedMaxTokens
    guard renames || asksForUsage || clamp != nil else { return .none }
    var edits = RequestEdits(fields)
    if renames { edits.replaceModel(with: JSONText.quoted(attempt.servedModel)) }
    if asksForUsage { edits.requireUsage() }
    // The upstream itself stops in time where so little is left.
    if let clamp, let bound = attempt.tokenBound(on: image.surface) { edits.setMaxTokens(clamp, adding: bound) }
    return .json(edits)
  }

  func byteCount(of body: UnsafeRawBufferPointer) -> Int {
    switch self {
    case .none: body.count
    case .json(let edits): edits.editedByteCount(bodyByteCount: body.count)
    case .splice(let range, let text): body.count - range.count + text.count
    }
  }

  func write(_ body: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) {
    switch self {
    case .none:
      if body.count <= target.count { target.copyMemory(from: body) }
    case .json(let edits):
      // The room was measured by the same edits. Were they ever not to fill it, what is sent must still not be memory of before.
      if edits.write(body: body.bytes, into: target) != target.count { Self.blank(target) }
    case .splice(let range, let text):
      // As above: release builds check no slice of such a buffer.
      guard range.lowerBound >= 0, range.upperBound <= body.count, target.count == byteCount(of: body) else {
        return Self.blank(target)
      }
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: body[..<range.lowerBound]))
      text.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: target[range.lowerBound...]).copyMemory(from: $0) }
      UnsafeMutableRawBufferPointer(rebasing: target[(range.lowerBound + text.count)...])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[range.upperBound...]))
    }
  }

  private static func blank(_ target: UnsafeMutableRawBufferPointer) {
    target.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: " "))
  }
}
