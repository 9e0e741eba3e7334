"""An index on disk as it was opened: rows, vectors, table and encoder, each read when it is first needed.

All of them are of the moment of opening: files of rows and vectors are held (`search.state.held_files`), and the table keeps its earlier
versions for an hour at least. A part that is gone, because everything was rebuilt, say, is refused: its rows would not be those of the
other parts.

Search, audit, labeling, curation and evaluation work on this; the public `Index` stands on top of them and inherits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.data.types.reading import Reading
from samekind.indexer.search.state.held_files import HeldFiles
from samekind.indexer.search.state.opening import read_state
from samekind.indexer.search.state.thumbnails import KeptThumbnails
from samekind.indexer.storage.adaptation import Adaptation
from samekind.indexer.storage.checks import another_encoder, usable_adaptation
from samekind.indexer.storage.layout import ROWS_FILE
from samekind.indexer.storage.manifest import Manifest, index_name
from samekind.indexer.storage.recorded_reading import recorded_reading
from samekind.indexer.storage.remedies import changed_meanwhile, rebuild_command
from samekind.indexer.storage.rows import Rows
from samekind.training.models.image_encoder import ImageEncoder

if TYPE_CHECKING:
    from samekind.indexer.search.narrowing.filters import Filters
    from samekind.indexer.search.vector_index import VectorIndex
    from samekind.indexer.storage.table import ImageTable
    from samekind.training.models.text_tower import TextTower


class OpenedIndex:
    """The images of an artefact and their embeddings.

    Nothing is read before it is needed: ids and labels (a few MB) for hits, vectors for a search, the encoder for a query that is an image,
    LanceDB for thumbnails and filters.

    Args:
        path: the artefact.
        manifest: what it says of itself.
        encoder: the encoder, if it is at hand; otherwise it is loaded from the artefact when needed.

    Attributes:
        path: the artefact.
        adaptation: what people's answers have made of the space; searches use it. `None` without one. `open` reads it.
    """

    def __init__(self, path: Path, manifest: Manifest, encoder: ImageEncoder | None = None) -> None:
        self.path = path
        self.adaptation: Adaptation | None = None
        self._manifest = manifest
        self._files = HeldFiles(path)
        if encoder is not None:
            self.__dict__["encoder"] = encoder

    @classmethod
    def open(cls, path: str | Path, *, encoder: ImageEncoder | None = None) -> Self:
        """Opens a finished index and checks that table, index file and encoder belong together.

        That takes the same time for any size: files are compared by sizes and blocks of their content; `Index.verify` reads them in full.

        Args:
            path: the artefact's folder.
            encoder: an encoder that is loaded already; it must be the artefact's own.

        Raises:
            ArtefactError: there is no index, it is unfinished, another process is writing it, or a part has changed since; the hint has the
                command that mends it.
        """
        folder = Path(path)
        state = read_state(folder)
        manifest = state.manifest
        if encoder is not None and encoder.fingerprint != manifest.encoder:
            raise InputError(
                f"the encoder given is not the one that the index in {folder} was built with", hint="leave it out"
            )
        index = cls(folder, manifest, encoder)
        index.adaptation, index._files = state.adaptation, state.files
        return index

    def readapted(self) -> Self:
        """This index as it is adapted now, here or by another process; what was read of it already is shared.

        Raises:
            ArtefactError: the adaptation is damaged, or belongs to another state of the index.
        """
        again = copy(self)
        again.__dict__.pop("adapted_index", None)
        again.adaptation = usable_adaptation(self.path, self._manifest)
        if again.adaptation is not None and again.adaptation.file is not None:
            again._files = self._files.beside(again.adaptation.file.name)
        return again

    def __len__(self) -> int:
        return self._manifest.rows

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, {len(self)} images, dim {self.dim})"

    @property
    def manifest(self) -> dict[str, Any]:
        """`manifest.json` as a dictionary, with `adaptation`: its version and figures, `None` without one."""
        adapted = self.adaptation
        about = None if adapted is None else {"version": adapted.version, "made": adapted.made, **adapted.figures}
        return {**asdict(self._manifest), "adaptation": about}

    @property
    def dim(self) -> int:
        """Dimension D of the embeddings."""
        return self._manifest.dim

    @cached_property
    def rows(self) -> Rows:
        """The light columns in table order."""
        rows = Rows.read(self._files.path(ROWS_FILE), self._manifest.corpora)
        self._check_held(ROWS_FILE)
        return rows

    @cached_property
    def adapted_index(self) -> VectorIndex:
        """The FAISS index that searches use: of the adapted vectors, or of the encoder's where there is no adaptation."""
        from samekind.indexer.search.vector_index import VectorIndex

        if self.adaptation is None or self.adaptation.file is None:
            return self.vector_index
        adapted = self.adaptation.file
        file = self._files.path(adapted.name)
        if not file.exists():  # another adaptation has taken its place
            raise changed_meanwhile(self.path)
        return VectorIndex.load(file, adapted.ann_recall)

    @cached_property
    def vector_index(self) -> VectorIndex:
        """The FAISS index of the encoder's vectors."""
        from samekind.indexer.search.state.delta import load_vectors

        vectors = load_vectors(self._manifest, self._files.path)
        self._check_held(index_name(self._manifest))
        if (len(vectors), vectors.dim) != (len(self), self.dim):
            raise ArtefactError(
                f"the index file in {self.path} holds {len(vectors)} vectors of dim {vectors.dim}, expected {len(self)} of dim {self.dim}",
                hint=rebuild_command(self.path),
            )
        return vectors

    @cached_property
    def table(self) -> ImageTable:
        """The LanceDB table at the version that this index was built from, for reading."""
        from samekind.indexer.storage.table import ImageTable

        table = ImageTable(self.path, self._manifest.table_version, self._is_current)
        table.open()
        # A table of that version may be another one that was rebuilt.
        if self._is_current() or table.rows().equals(self.rows.table):
            return table
        raise changed_meanwhile(self.path)

    @cached_property
    def encoder(self) -> ImageEncoder:
        """The encoder that made the vectors, for queries that are images."""
        from samekind.training.models.encoder import Encoder

        encoder = Encoder.load(self.path)
        if encoder.fingerprint != self._manifest.encoder:
            self._check_current()
            raise another_encoder(self.path, self._manifest)
        return encoder

    @cached_property
    def text_tower(self) -> TextTower:
        """The text tower of the encoder, for queries that are words.

        Raises:
            InputError: the encoder has none.
            ArtefactError: its file is missing, damaged or another encoder's.
        """
        from samekind.training.models.text_tower import TextTower

        return TextTower.load(self.path, self._manifest.encoder)

    def _is_current(self) -> bool:
        """True if nothing has been finished since this index was opened: a writer replaces the manifest last."""
        try:
            return Manifest.read(self.path).state == self._manifest.state
        except ArtefactError:
            return False

    def _check_held(self, name: str) -> None:
        """`_check_current` for a file that is not held as it was when the index was opened."""
        if name not in self._files:
            self._check_current()

    def _check_current(self) -> None:
        """Refuses a part that may have been read after somebody had begun to write.

        Raises:
            ArtefactError: the index is no longer the one that was opened.
        """
        if not self._is_current():
            raise changed_meanwhile(self.path)

    @property
    def ids(self) -> list[str]:
        """Ids in table order."""
        return self.rows.ids

    @property
    def labels(self) -> list[str | None] | None:
        """Class names in table order, `None` where unknown; `None` as a whole without labels."""
        return self.rows.labels

    @cached_property
    def splits(self) -> list[str]:
        """Splits in table order."""
        return self.rows.column("split")

    @property
    def classes(self) -> list[str]:
        """The class names in alphabetical order; empty without labels."""
        return sorted({label for label in self.labels or [] if label is not None})

    @property
    def label_rule(self) -> str:
        """The rule for several labels an image; see `Manifest`."""
        return self._manifest.label_rule

    @cached_property
    def meta(self) -> dict[str, Any]:
        """The artefact's `meta.json`: encoder, training settings and corpus."""
        from samekind.training.runtime.artefact import read_meta

        return read_meta(self.path)

    @cached_property
    def reading(self) -> Reading:
        """How queries and uploads are read: as the rows were. May be set, e.g. for a query of more `max_pixels`."""
        return recorded_reading(self.path)

    def history(self) -> list[dict[str, Any]]:
        """The epoch records of the training, first epoch first; empty if there are none."""
        from samekind.training.runtime.artefact import read_history

        return read_history(self.path)

    def vectors(self, positions: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The encoder's embeddings: `(N, D)` float32 of unit norm in table order, or those at `positions`."""
        return self.vector_index.vectors(positions)

    def adapted_vectors(self, positions: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """What searches compare: the embeddings as people's answers have adapted them; the encoder's where there is no adaptation."""
        return self.adapted_index.vectors(positions)

    def row(self, id_: str) -> dict[str, Any]:
        """Id, uri, split, label, width, height, sha256 and corpus of one image.

        Raises:
            InputError: there is no such id.
        """
        return self.rows.row(self.rows.position_of(id_))

    def thumbnail(self, id_: str) -> bytes:
        """A small encoded image (PNG or JPEG) of one row.

        Raises:
            InputError: there is no such id.
        """
        return self.thumbnails([id_])[0]

    def thumbnails(self, ids: Sequence[str]) -> list[bytes]:
        """Small encoded images in the order of `ids`; one read for all of them."""
        return self._thumbnails.of([self.rows.position_of(id_) for id_ in ids])

    @cached_property
    def _thumbnails(self) -> KeptThumbnails:
        return KeptThumbnails(self.table.thumbnails)

    def positions_where(self, condition: str) -> NDArray[np.int64]:
        """Rows (0-based, ascending) that satisfy an SQL condition over id, uri, split, label, width, height, sha256 and corpus.

        Raises:
            InputError: the condition is not SQL over these columns.
        """
        return self._filters.positions(condition)

    @cached_property
    def _filters(self) -> Filters:
        from samekind.indexer.search.narrowing.filters import Filters

        return Filters(self.path, self.rows, lambda: self.table, self._is_current)
