"""Images: corpora, sources, decoding, augmented views."""
