"""Exact sampling of Markov chains under constraints: pure functions of a model, constraints and a generator."""
