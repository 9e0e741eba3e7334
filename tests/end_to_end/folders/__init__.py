"""Folders of images on the command line."""
