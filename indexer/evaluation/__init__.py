"""How good an encoder, and how good a detector is."""
