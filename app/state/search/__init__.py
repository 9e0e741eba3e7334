"""Searches of the page *Search* beyond one query."""
