"""A module of an engine that fails when it is imported."""

EIGHTH = 1 / 0
