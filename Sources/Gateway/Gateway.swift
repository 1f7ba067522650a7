// Placeholder until the first part of Gateway lands.
