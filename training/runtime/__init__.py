"""Devices, number formats, processes, and the files of an artefact."""
