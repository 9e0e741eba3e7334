"""Commands that look at a folder of images."""
