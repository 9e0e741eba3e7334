"""Approximate nearest neighbours: which FAISS index, how far it looks, what it finds, and exact cosines of that."""
