/// What kind of failure an upstream tells of, as far as that changes what to do next.
public enum ErrorKind: Equatable, Sendable {
  /// The prompt is longer than the model's context: another model may take it.
  case contextLength
  /// The prompt, or the answer, was refused for what it says.
  case contentFilter
  /// The account has nothing left to spend: waiting does not help.
  case quota
  /// Too many requests or tokens in a short time: waiting helps.
  case rateLimited
  /// The upstream does not have the model.
  case modelNotFound
  /// Any other.
  case other
}
