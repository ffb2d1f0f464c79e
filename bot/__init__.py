"""bot: lets one person watch and steer the engine from a phone. Sees of trader only the port."""
