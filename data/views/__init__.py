"""Augmented views of an image."""
