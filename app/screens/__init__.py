"""One file per page; `main.py` registers them."""
