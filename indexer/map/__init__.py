"""All images in two dimensions: where each lies, how much of the space that keeps, and the file that holds it."""
