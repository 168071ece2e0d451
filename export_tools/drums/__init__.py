"""Drum models: jamd's own (encoding `metric`) and the baseline, the RNN drummer's configuration (`rnn-drummer`)."""
