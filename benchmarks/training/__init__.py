"""Trainings against each other."""
