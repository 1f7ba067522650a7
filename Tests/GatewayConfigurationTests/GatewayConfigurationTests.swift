// Placeholder until the first test of GatewayConfiguration lands.
