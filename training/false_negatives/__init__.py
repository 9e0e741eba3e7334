"""Detectors of false negatives, and what is done with their predictions."""
