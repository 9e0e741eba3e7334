"""The paths of the service, each a few lines: they read arguments, hand work to threads, and put the answer together."""
