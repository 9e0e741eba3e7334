"""Evaluation of encoders and of detectors."""
