// Placeholder until the first part of Transport lands.
