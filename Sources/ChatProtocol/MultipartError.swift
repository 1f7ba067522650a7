/// Why a multipart body was refused. Two readers must not be able to find two different models in one body, so
/// whatever is ambiguous is refused.
public enum MultipartError: Error, Equatable, Sendable {
  /// The part's header block, starting at `offset`, is longer than the bound, holds a line we do not read, or does not name its field in one way
  /// alone.
  case badPartHead(offset: Int)
  /// A line at `offset` starts like a boundary and goes on otherwise.
  case badBoundaryLine(offset: Int)
  /// A boundary stands at `offset` inside a part, not on a line of its own.
  case boundaryInPart(offset: Int)
  /// Something stands at `offset`, before the first or behind the last boundary.
  case textOutsideParts(offset: Int)
  /// The body ends before its closing boundary.
  case truncated
  /// More parts than `MultipartScanner.partsMax`.
  case tooManyParts
  /// A second part with the name looked for, at `offset`.
  case duplicateField(offset: Int)
  /// A part at `offset` whose name a lenient reader takes for `model`.
  case otherSpelling(offset: Int)

  /// One sentence for the client, without its full stop.
  public var message: String {
    switch self {
    case .badPartHead(let offset):
      "malformed part head at byte \(offset): expected one Content-Disposition with one plain 'name'"
    case .badBoundaryLine(let offset): "malformed boundary line at byte \(offset)"
    case .boundaryInPart(let offset): "the boundary occurs inside a part at byte \(offset)"
    case .textOutsideParts(let offset): "text outside the parts at byte \(offset)"
    case .truncated: "the closing boundary is missing"
    case .tooManyParts: "more than \(MultipartScanner.partsMax) parts"
    case .duplicateField(let offset): "a second 'model' part at byte \(offset)"
    case .otherSpelling(let offset):
      "the part at byte \(offset) may be taken for 'model': name it 'model', unencoded, or otherwise"
    }
  }

  /// The name of the field at fault; nil when it is the form as a whole.
  public var param: String? {
    switch self {
    case .duplicateField, .otherSpelling: "model"
    default: nil
    }
  }
}
