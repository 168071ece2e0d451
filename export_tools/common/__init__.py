"""Shared by all models: the training loop, checkpoints, artifacts, evaluation, benchmarks and musical checks."""
