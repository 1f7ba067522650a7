// Placeholder until the first part of HTTPWire lands.
