extension GatewaySettings {
  /// Reads a configuration. Everything that is wrong is reported at once; nothing of a wrong configuration is given back.
  ///
  /// It opens no file and reads no environment: the caller gives the text, the variables, and SHA-256 for keys that variables hold
  /// in clear. It may also tell which time zones there are; without that any name of the form of one is taken.
  public static func parse(
    _ text: String, fileName: String, variables: @escaping (String) -> String?,
    hashKey: @escaping (String) -> [UInt8], knowsTimeZone: @escaping (String) -> Bool = { _ in true }
  ) throws(InvalidConfiguration) -> GatewaySettings {
    var document = ConfigurationDocument(fileName: fileName)
    let root = document.parse(text)
    guard let root, document.problems.isEmpty else { throw InvalidConfiguration(problems: document.problems) }
    var reading = ConfigurationReading(
      fileName: fileName, variables: variables, hashKey: hashKey, knowsTimeZone: knowsTimeZone)
    var settings = GatewaySettings()
    section.read(root, "", into: &settings, &reading)
    let named = ConfigurationChecks.Names(of: root)
    ConfigurationChecks(settings: settings, names: named).run(&reading)
    guard reading.problems.isEmpty else { throw InvalidConfiguration(problems: reading.problems) }
    return settings
  }
}
