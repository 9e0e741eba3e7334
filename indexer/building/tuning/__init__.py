"""Kinds of index tried on the corpus itself, and the quickest that finds enough."""
