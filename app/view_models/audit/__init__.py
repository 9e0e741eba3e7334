"""Charts and sentences of the page *False negatives* beyond the audit itself."""
