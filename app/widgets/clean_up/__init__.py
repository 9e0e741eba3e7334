"""Parts of the page *Clean up*: label errors, duplicates, and a threshold over a histogram."""
