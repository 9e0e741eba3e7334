"""The audit beside FAISS."""
