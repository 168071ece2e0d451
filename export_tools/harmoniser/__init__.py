"""BachBot-style harmoniser: prepare, model, train, export, evaluate."""
