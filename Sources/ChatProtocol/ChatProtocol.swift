// Placeholder until the first part of ChatProtocol lands.
