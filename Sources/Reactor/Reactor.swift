// Placeholder until the first part of Reactor lands.
