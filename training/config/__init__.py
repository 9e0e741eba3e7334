"""Settings of a run, and its presets."""
