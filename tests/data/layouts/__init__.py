"""Layouts of folders, labels in files, and what is passed over."""
