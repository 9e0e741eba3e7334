"""A preset that trains photos from scratch says that a pretrained encoder finds more in them, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import samekind as sk
from samekind.training.models.pretrained import default
from tests.training.runs import Lines

NOTE = "these look like photos"


def told(out: Path, side: int, **settings: Any) -> list[str]:
    """Lines on photos that the command says while it trains colour pictures of that size."""
    random, progress = np.random.default_rng(0), Lines()
    pictures = random.integers(0, 256, (24, side, side, 3), dtype=np.uint8)
    corpus = sk.Corpus.from_arrays(pictures, None, name="pictures")
    sk.train(corpus, "smoke", out, progress=progress, steps=1, epochs=None, image_size=16, probe=False, **settings)
    return [line for line in progress.lines if line.startswith(NOTE)]


@pytest.mark.parametrize("installed", [True, False])
def test_it_is_said_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    """Not without its weights, not of small pictures, not where the network was named, and not again when the run is kept."""
    monkeypatch.setattr(default, "is_installed", lambda: installed)
    assert len(told(tmp_path / "photos", 96)) == installed
    assert not told(tmp_path / "photos", 96)
    assert not told(tmp_path / "small", 16)
    assert not told(tmp_path / "named", 96, backbone="resnet-small")
