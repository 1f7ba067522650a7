// Placeholder until the first part of TestKit lands.
