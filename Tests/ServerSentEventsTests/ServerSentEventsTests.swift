// Placeholder until the first test of ServerSentEvents lands.
