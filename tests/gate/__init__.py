"""Proves that the working tree computes exactly what an earlier commit computes: `python -m tests.gate`."""
