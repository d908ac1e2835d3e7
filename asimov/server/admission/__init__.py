"""Which requests are admitted: their host and origin, keys and rates, and the size of bodies."""
