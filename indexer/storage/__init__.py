"""Tables and files of an index."""
