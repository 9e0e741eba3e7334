"""Contents of parts of the page *Search*."""
