// Placeholder until the first part of Routing lands.
