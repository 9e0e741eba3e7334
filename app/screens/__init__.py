"""One file a page; `main.py` registers them."""
