"""Runs and trainings of the folder that a visitor's artefact lies in, and who may start one."""
