// Placeholder until the first test of Upstreams lands.
