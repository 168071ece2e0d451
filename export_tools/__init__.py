"""One package per model: data preparation, training, export, evaluation. Not installed with jamd."""
