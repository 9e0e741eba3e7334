"""Corpora by name or path."""
