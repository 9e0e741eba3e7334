"""Checkpoint files as they are found: read, matched to a network, adapted."""
