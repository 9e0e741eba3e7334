"""Pairwise annotations: storage, closure, acquisition."""
