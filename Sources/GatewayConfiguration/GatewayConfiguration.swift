// Placeholder until the first part of GatewayConfiguration lands.
