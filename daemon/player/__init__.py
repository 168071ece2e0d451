"""Player processes: each runs one engine."""
