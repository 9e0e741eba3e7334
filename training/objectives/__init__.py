"""Contrastive objectives over a similarity matrix."""
