"""What people answered, as rows of vectors: the map that it gives a space, how far it reaches, and what held-out images say of it."""
