// Placeholder until the first part of Upstreams lands.
