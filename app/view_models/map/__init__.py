"""The page *Map*: points, colours, and what lies inside a line drawn around some."""
