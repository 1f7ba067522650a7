// Placeholder until the first test of Gateway lands.
