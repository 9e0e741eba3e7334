"""How a folder of images is laid out: what belongs to the machine, which folders are splits, classes or wrappers, and labels in files."""
