"""A folder of pictures and the artefact that the command makes of it; both are shared, and a test that changes one takes a copy."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.helpers import CLASSES, PER_CLASS, Called, call, draw


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled folder with three files that are no images."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    rng = np.random.default_rng(0)
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True)
        for i in range(PER_CLASS):
            draw(kind, rng).save(folder / kind / f"{i:02d}.png")
    whole = io.BytesIO()
    draw("dots", rng).save(whole, "jpeg")
    (folder / "dots" / "truncated.jpg").write_bytes(whole.getvalue()[:200])
    (folder / "dots" / "empty.png").write_bytes(b"")
    (folder / "dots" / "text.png").write_text("not an image")
    return folder


@pytest.fixture(scope="session")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Called]:
    """An artefact, and what `train --json` printed."""
    out = tmp_path_factory.mktemp("artefacts") / "photos"
    called = call("train", "--corpus", photos, "--preset", "smoke", "--out", out, "--workers", 0, "--json")
    assert called.code == 0, called.err
    return out, called


@pytest.fixture(scope="session")
def artefact(photos: Path, trained: tuple[Path, Called]) -> Path:
    """A trained and indexed artefact."""
    out, _ = trained
    called = call("index", "--corpus", photos, "--encoder", out, "--out", out, "--json")
    assert called.code == 0, called.err
    assert called.answer["num_images"] == len(CLASSES) * PER_CLASS
    return out


@pytest.fixture(scope="session")
def query(photos: Path) -> Path:
    """An image that is in the corpus."""
    return photos / "bars" / "00.png"
