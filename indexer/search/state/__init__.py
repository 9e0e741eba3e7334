"""One state of an index on disk: opening it while somebody writes, its files, the changes beside its index file."""
