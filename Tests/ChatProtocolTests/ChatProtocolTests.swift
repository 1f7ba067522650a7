// Placeholder until the first test of ChatProtocol lands.
