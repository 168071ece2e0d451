"""Code shared by all models: training loop, checkpoints, artifacts, evaluation, benchmarks and musical checks."""
