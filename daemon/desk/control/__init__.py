"""Control surfaces: where a person at the computer gives commands."""
