"""What people answered, as rows of vectors: the map that it gives a space, how near is near enough, and what held-out images say of it."""
