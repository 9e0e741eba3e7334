"""From a trained encoder to an index that can be searched, audited and evaluated. The only layer that knows LanceDB and FAISS."""
