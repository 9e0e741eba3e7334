"""How packs are read: one depth, the choices that they can honour, and pixels that were kept."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.sources import packs
from samekind.data.sources.registry import load_corpus
from tests.data.test_sources import png, write_pack


def deep_png(most: int) -> bytes:
    """A grey PNG of 16 bits whose values end at `most`."""
    buffer = io.BytesIO()
    Image.fromarray(np.linspace(0, most, 64).reshape(8, 8).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_pack_has_one_depth(tmp_path: Path) -> None:
    """Maxima of 1,000 and 1,100 (10 and 12 bits by themselves) share 12 bits, told in a line; `depth` replaces that; both reload."""
    path = write_pack(tmp_path / "p.npz", [deep_png(1000), png(10, side=8), deep_png(1100)])
    corpus = load_corpus(path)
    assert [int(np.asarray(corpus.image(i)).max()) for i in (0, 2)] == [
        round(1000 / 4095 * 255),
        round(1100 / 4095 * 255),
    ]
    assert corpus.notes == ("2 pictures of more than 8 bits: read as 12 bits (greatest value 1,100)",)
    assert corpus.reading.key != b""
    assert load_corpus(**corpus.source).content_hash == corpus.content_hash
    wide = load_corpus(path, depth=16)
    assert int(np.asarray(wide.image(2)).max()) == round(1100 / 65535 * 255)
    assert load_corpus(**wide.source).content_hash == wide.content_hash != corpus.content_hash
    assert load_corpus(write_pack(tmp_path / "q.npz", [png(1)])).reading.key == b""


@pytest.mark.parametrize(
    "given",
    [
        {"frames": "all"},
        {"layout": "flat"},
        {"labels": "l.csv"},
        {"several": "any"},
        {"exclude": "*.png"},
        {"seed": 3},
        {"depth": 12},
        {"max_pixels": 10},
    ],
)
def test_a_corpus_without_folders_refuses_what_only_they_can_honour(given: dict[str, Any], tmp_path: Path) -> None:
    """In one line that names the flag; a pack has pictures, whose depth and size it can honour."""
    (flag,) = given
    with pytest.raises(InputError, match=f"--{flag.replace('_', '-')} is for folders of images, and digits is none"):
        load_corpus("digits", **given)
    path = write_pack(tmp_path / "p.npz", [png(1), png(2, side=3)])
    if flag in ("depth", "max_pixels"):
        assert len(load_corpus(path, **given)) == (1 if flag == "max_pixels" else 2)
    else:
        with pytest.raises(InputError, match=r"for folders of images, and p\.npz is none"):
            load_corpus(path, **given)


def test_a_kept_pack_that_goes_while_it_is_read_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process needed the room: an empty file in its place would be taken for a damaged cache."""
    monkeypatch.setattr(packs, "_WORTH_KEEPING", 2)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    path = write_pack(tmp_path / "p.npz", [png(1), png(2)])
    first = load_corpus(path)
    (kept,) = tmp_path.glob("cache/packs/*.npy")
    load = np.load

    def read_and_gone(file: Path, **how: Any) -> Any:
        found = load(file, **how)
        if file == kept:
            kept.unlink()
        return found

    monkeypatch.setattr(np, "load", read_and_gone)
    assert load_corpus(path).content_hash == first.content_hash
    assert not kept.exists()
