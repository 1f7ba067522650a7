// Placeholder until the first test of Routing lands.
