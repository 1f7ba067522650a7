// Placeholder until the first part of ServerSentEvents lands.
