"""What the training, export and evaluation of all models have in common."""
