// Placeholder until the first test of Reactor lands.
