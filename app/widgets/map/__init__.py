"""The page *Map*: the canvas, and what stands beside it."""
