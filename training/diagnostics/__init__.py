"""Measurements during training: accuracy, false negatives, the fixed probe."""
