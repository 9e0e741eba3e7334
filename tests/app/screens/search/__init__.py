"""The page *Search* beyond one query."""
