// Placeholder until the first part of ScriptedUpstream lands.
