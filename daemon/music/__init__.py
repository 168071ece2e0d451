"""Values and pure functions of music: no threads, no ports, no model."""
