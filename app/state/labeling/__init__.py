"""One visitor's answers: screens, pairs, samples and lists under way, and what was answered before."""
