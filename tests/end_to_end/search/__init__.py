"""Searches on the command line."""
