"""The index that is served: opened once, and again whenever a writer has finished another one.

A request holds the index that it began with; while a writer works, and where the new index cannot be opened, the old one goes on serving
what has been read of it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from samekind import Index, SamekindError

LOOK_SECONDS = 1.0
_FILES = ("manifest.json", "adaptation.safetensors")
Stamp = tuple[tuple[int, int, int] | None, ...]


class HeldIndex:
    """The index of one artefact.

    Args:
        index: opened.
        max_pixels: of an upload, where the index itself allows more.
    """

    def __init__(self, index: Index, max_pixels: int) -> None:
        self.path, self._max_pixels = index.path, max_pixels
        self._turn, self._loading, self._encoding = threading.Lock(), threading.Lock(), threading.Lock()
        self._stamp, self._looked = self._now(), time.monotonic()
        self._index = self._limited(index)

    def current(self) -> Index:
        """The index as it is on disk, looked at once a second at most; to be called in a thread."""
        with self._turn:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._looked = time.monotonic()
                self._look()
            return self._index

    def ready(self) -> Index:
        """The current index with all that a search by id or vector needs read; later requests do not wait for it.

        Raises:
            ArtefactError: a part is damaged, or was replaced before it was read.
        """
        index = self.current()
        with self._loading:
            _ = index.rows.position, index.vector_index, index.adapted_index
        return index

    def with_encoder(self, index: Index, words: bool) -> None:
        """Loads the encoder, or the text tower for `words`, unless it is there.

        Raises:
            SamekindError: there is none, or it cannot be loaded.
        """
        with self._encoding:  # not the other lock: who asks by id does not wait for an encoder
            _ = index.text_tower if words else index.encoder

    def with_table(self) -> Index:
        """The current index with its table of thumbnails and columns opened."""
        index = self.ready()
        with self._loading:
            _ = index.table
        return index

    def _look(self) -> None:
        """Opens the index again if a file of it is another one; until a writer has finished, there is none to open."""
        found = self._now()
        if found == self._stamp or found[0] is None:
            return
        try:
            again = Index.open(self.path)
        except SamekindError:
            return
        before = self._index
        if "encoder" in before.__dict__ and before.encoder.fingerprint == again.manifest["encoder"]:
            again.__dict__["encoder"] = before.encoder
        self._index, self._stamp = self._limited(again), found

    def _limited(self, index: Index) -> Index:
        index.reading = replace(index.reading, max_pixels=min(index.reading.max_pixels, self._max_pixels))
        return index

    def _now(self) -> Stamp:
        return tuple(map(self._file, _FILES))

    def _file(self, name: str) -> tuple[int, int, int] | None:
        try:
            found = (self.path / name).stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


def about(index: Index, version: str, read_only: bool) -> dict[str, Any]:
    """What a client may want to know before it asks."""
    labels = index.labels
    return {
        "version": version,
        "images": len(index),
        "dim": index.dim,
        "labelled": labels is not None,
        "classes": index.classes,
        "splits": sorted(set(index.splits)),
        "text": index.has_text,
        "exact": index.vector_index.exact,
        "ann_recall_at_10": index.manifest["ann_recall_at_10"],
        "adaptation": None if index.adaptation is None else index.adaptation.version,
        "read_only": read_only,
    }
