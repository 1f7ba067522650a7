import GatewayConfiguration

/// A digest that is no SHA-256 but differs where texts differ: these tests ask which text is hashed, not how.
func stubHash(_ text: String) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: 32)
  for (index, byte) in text.utf8.enumerated() { bytes[index % 32] = bytes[index % 32] &* 31 &+ byte }
  return bytes
}

/// The settings, with problems thrown.
func parse(_ text: String, _ variables: [String: String] = [:]) throws(InvalidConfiguration) -> GatewaySettings {
  try GatewaySettings.parse(text, fileName: "sluice.yaml", variables: { variables[$0] }, hashKey: stubHash)
}

/// The problems as they would be printed; empty for a right file.
func problems(_ text: String, _ variables: [String: String] = [:]) -> [String] {
  do {
    _ = try parse(text, variables)
    return []
  } catch {
    return error.problems.map(\.description)
  }
}

/// An upstream, a model and open doors, to which a test adds what it is about.
let minimal = """
  anonymous: true
  upstreams:
    local: { provider: ollama }
  models:
    llama: { serve: local }

  """
