"""Small image files at given paths."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def put(root: Path, *names: str) -> Path:
    """Images of different content at these paths below `root`; other files get a line of text. Returns `root`."""
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".jpg", ".png"):
            Image.new("RGB", (4 + i, 4), "red").save(path)
        else:
            path.write_text("0 0.5 0.5 0.1 0.1\n")
    return root
