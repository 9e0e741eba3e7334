"""Near duplicates and label issues."""
