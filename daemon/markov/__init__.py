"""Exact sampling of Markov models of events with durations, under constraints: pure functions of a model, constraints
and a generator. `model` and `sampler` state the distributions, `constraints` the kinds of constraints; time is counted
in ticks, 12 for a quarter note."""
