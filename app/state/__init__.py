"""The opened artefact, one for all sessions, and what each session remembers: its query and its labeling."""
