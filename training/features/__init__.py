"""Features of a frozen backbone, computed once and trained on many times."""
