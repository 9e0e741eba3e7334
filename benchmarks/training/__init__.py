"""Training speed beside what else there is, and beside company."""
