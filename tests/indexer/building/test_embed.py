"""How an index is embedded: the bar moves with the images, not with the chunks that are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from samekind.core.progress import NoProgress, Task
from samekind.indexer.building import embed
from samekind.indexer.index import build_index
from samekind.indexer.storage.table import ImageTable
from tests.indexer.helpers import FakeEncoder, arrays_corpus


class Moves(NoProgress):
    """Remembers how far the bar "Indexing images" moved each time."""

    def __init__(self) -> None:
        self.moves: list[int] = []

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A bar that remembers."""
        with super().task(description, total) as silent:
            indexing = description == "Indexing images"
            yield SimpleNamespace(advance=self.moves.append, note=silent.note) if indexing else silent


@pytest.mark.parametrize(("backbone", "at_once"), [("resnet-small", 32), ("timm/resnet18", 8)])
def test_the_bar_moves_within_a_chunk(
    backbone: str, at_once: int, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each batch of what is ours, and more often where a large backbone takes long; the table is written to once."""
    monkeypatch.setattr(embed, "CHUNK", 64)
    monkeypatch.setattr(embed, "_BATCH", 32)
    monkeypatch.setattr(embed, "_SOME", 8)
    written: list[int] = []
    original = ImageTable.append

    def append(self: ImageTable, rows: pa.Table) -> None:
        written.append(rows.num_rows)
        original(self, rows)

    monkeypatch.setattr(ImageTable, "append", append)
    encoder, corpus, progress = FakeEncoder(), arrays_corpus(60), Moves()
    encoder.spec = SimpleNamespace(**{name: getattr(encoder.spec, name) for name in ("image_size", "channels")})  # type: ignore[assignment]
    encoder.spec.backbone = backbone  # type: ignore[attr-defined]
    index = build_index(corpus, encoder, artefact, progress)
    assert progress.moves == [0, *[at_once] * (60 // at_once), 60 % at_once]
    assert written == [60]
    assert index.ids == corpus.ids
    pixels = np.stack([np.asarray(corpus.image(row)) for row in range(60)])[..., None]
    np.testing.assert_allclose(index.vectors(), encoder.embed(pixels), atol=1e-6)
