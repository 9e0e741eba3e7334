"""Asks a service from elsewhere, with the standard library and NumPy only."""
