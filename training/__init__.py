"""Learning an encoder without labels, and measuring what its negatives were."""
