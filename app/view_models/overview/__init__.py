"""The page *Overview*: sentences and tiles."""
