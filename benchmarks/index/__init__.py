"""Speed of search at a recall: the product beside FAISS, hnswlib, usearch and LanceDB."""
