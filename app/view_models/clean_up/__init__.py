"""The histogram, the threshold and what it selects, on the page *Clean up*."""
