"""The page *Search* in a browser."""
