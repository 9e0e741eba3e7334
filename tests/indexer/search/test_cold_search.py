"""What a cold search with `lite0` does not import: that is where its seconds would go."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
from PIL import Image

import samekind

ROOT = Path(samekind.__file__).parents[1]


def test_a_cold_search_imports_no_library_that_it_does_not_need(tmp_path: Path) -> None:
    """An image as the query: the network of `lite0` is ours, and one image is not worth onnxruntime."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((120, 110)).save(photos / f"{number}.png")
    samekind.build_index(samekind.load_corpus(photos), "lite0", tmp_path / "index")
    code = textwrap.dedent(
        """
        import sys
        from samekind.cli import main
        assert main(["search", sys.argv[1], sys.argv[2], "--k", "1"]) == 0
        heavy = "timm open_clip albumentations torchvision onnx onnxruntime lancedb pandas sklearn streamlit"
        print(sorted(set(heavy.split()) & set(sys.modules)))
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "index"), str(photos / "3.png")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    *answer, imported = done.stdout.splitlines()
    assert any("3.png" in line for line in answer)
    assert imported == "[]"
