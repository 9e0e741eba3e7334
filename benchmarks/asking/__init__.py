"""Ways to choose what a screen asks."""
