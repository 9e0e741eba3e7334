"""Training steps and epochs."""
