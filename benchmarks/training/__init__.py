"""Training speed beside what else there is, in processes, and beside company."""
