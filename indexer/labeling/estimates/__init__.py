"""Figures about all pairs, estimated from answers about a random sample of them."""
