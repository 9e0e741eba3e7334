"""Benchmarks of what people say."""
