// Placeholder until the first test of HTTPWire lands.
