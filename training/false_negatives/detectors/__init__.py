"""Detectors of false negatives."""
