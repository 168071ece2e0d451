"""Magenta's melody RNNs and jamd's own: prepare, model, train, export, evaluate, checks, bench."""
