"""A training step in streams: parts of a batch, each on a thread of its own."""
