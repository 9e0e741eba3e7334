"""Ways to run a backbone that is not being trained, and that give the same features sooner."""
