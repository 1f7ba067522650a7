// Placeholder until the first test of ScriptedUpstream lands.
