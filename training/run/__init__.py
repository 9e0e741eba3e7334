"""A whole run, from its settings to a finished artefact."""
