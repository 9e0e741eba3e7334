"""An index elsewhere: a LanceDB table with an index of its own, in a folder or in an object store, searched where it lies."""
