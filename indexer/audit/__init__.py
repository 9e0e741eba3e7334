"""False negatives in the trained space."""
