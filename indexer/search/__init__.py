"""Queries, vector search, results."""
