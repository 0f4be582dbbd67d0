"""When: expressions, zones, exclusions, and what is due next."""
