"""From people's answers to a better space, in a second."""
