"""Shared by every layer: errors, progress, atomic files, numbers as text."""
