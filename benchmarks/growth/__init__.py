"""Growth with the number of images."""
