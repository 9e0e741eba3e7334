"""Maps measured: what they keep, and how fast they are drawn."""
