"""Value types of a corpus: images, splits, label levels."""
