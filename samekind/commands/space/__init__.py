"""Commands about the space that searches use."""
