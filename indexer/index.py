"""An index on disk, opened: search it, audit it, add to it, remove from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ImageError, InputError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.decode import THUMBNAIL_SIDE, decode, thumbnail
from samekind.indexer.search.results import SearchResult, search
from samekind.indexer.storage.manifest import INDEX_FILE, JOURNAL, ROWS_FILE, Manifest, verify
from samekind.indexer.storage.rows import Rows

if TYPE_CHECKING:
    from PIL import Image

    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.building.embed import ImageEncoder
    from samekind.indexer.curation.label_issues import LabelIssues
    from samekind.indexer.curation.near_duplicates import Duplicates
    from samekind.indexer.search.vector_index import VectorIndex
    from samekind.indexer.storage.table import ImageTable

    Single = str | Path | bytes | bytearray | memoryview | Image.Image
    Each = TypeVar("Each", bound=Single | NDArray[Any])


class Index:
    """The images of an artefact, their embeddings, and what can be asked of them.

    Nothing is read before it is needed: ids and labels (a few MB) for hits, vectors for a search, the encoder for a query that is an image,
    LanceDB for thumbnails and filters.

    Args:
        path: the artefact.
        manifest: what it says of itself; use `Index.open`, which checks it.
        encoder: the encoder, if it is at hand; otherwise it is loaded from the artefact when needed.
    """

    def __init__(self, path: Path, manifest: Manifest, encoder: ImageEncoder | None = None) -> None:
        self.path = path
        self._manifest = manifest
        self._removed: frozenset[str] = frozenset()
        if encoder is not None:
            self.__dict__["encoder"] = encoder

    @classmethod
    def open(cls, path: str | Path, *, encoder: ImageEncoder | None = None) -> Index:
        """Opens a finished index and checks that table, index file and encoder belong together.

        A removal that was interrupted is finished here, as a database replays its log: that needs neither corpus nor encoder.

        Args:
            path: the artefact's folder.
            encoder: an encoder that is loaded already; it must be the artefact's own.

        Raises:
            ArtefactError: there is no index, it is unfinished, another process is writing it, or a part has changed since; the hint has the
                command that mends it.
        """
        folder = Path(path)
        removed: tuple[str, ...] = ()
        if (folder / JOURNAL).exists():
            from samekind.indexer.building.build import finish_removal

            removed = finish_removal(folder)
        manifest = Manifest.read(folder)
        verify(folder, manifest)
        if encoder is not None and encoder.fingerprint != manifest.encoder:
            raise InputError(
                f"the encoder given is not the one that the index in {folder} was built with", hint="leave it out"
            )
        index = cls(folder, manifest, encoder)
        index._removed = frozenset(removed)
        return index

    def __len__(self) -> int:
        return self._manifest.rows

    def __repr__(self) -> str:
        return f"Index({str(self.path)!r}, {len(self)} images, dim {self.dim})"

    @property
    def manifest(self) -> dict[str, Any]:
        """`manifest.json` as a dictionary."""
        return asdict(self._manifest)

    @property
    def dim(self) -> int:
        """Dimension D of the embeddings."""
        return self._manifest.dim

    @cached_property
    def rows(self) -> Rows:
        """The light columns in table order."""
        return Rows.read(self.path / ROWS_FILE)

    @cached_property
    def vector_index(self) -> VectorIndex:
        """The FAISS index."""
        from samekind.indexer.search.vector_index import VectorIndex

        return VectorIndex.load(self.path / INDEX_FILE, self._manifest.ann_recall_at_10)

    @cached_property
    def table(self) -> ImageTable:
        """The LanceDB table."""
        from samekind.indexer.storage.table import ImageTable

        return ImageTable(self.path)

    @cached_property
    def encoder(self) -> ImageEncoder:
        """The encoder that made the vectors, for queries that are images."""
        from samekind.training.models.encoder import Encoder

        return Encoder.load(self.path)

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

    @cached_property
    def meta(self) -> dict[str, Any]:
        """The artefact's `meta.json`: encoder, training settings and corpus."""
        from samekind.training.runtime.artefact import read_meta

        return read_meta(self.path)

    def history(self) -> list[dict[str, Any]]:
        """The epoch records of the training, first epoch first; empty if there are none."""
        from samekind.training.runtime.artefact import read_history

        return read_history(self.path)

    def vectors(self, positions: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The embeddings: `(N, D)` float32 of unit norm in table order, or those at `positions`."""
        return self.vector_index.vectors(positions)

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
        return self.table.thumbnails([self.rows.position_of(id_) for id_ in ids])

    def picture(self, id_: str, side: int = 512) -> bytes:
        """The best picture there is of one row, encoded (PNG or JPEG): of its file, at most `side` px a side, or else the thumbnail.

        A file is shown only if it still is what was indexed, by its SHA-256; one that has moved, changed or cannot be read is passed over.

        Raises:
            InputError: there is no such id.
        """
        row = self.row(id_)
        file = Path(row["uri"])
        try:
            if max(row["width"], row["height"]) > THUMBNAIL_SIDE and file.is_file():  # a named pipe would wait for ever
                encoded = file.read_bytes()
                if hashlib.sha256(encoded).hexdigest() == row["sha256"]:
                    return thumbnail(decode(encoded), side)
        except (OSError, ValueError, ImageError):  # ValueError: an address that no path can be
            pass
        return self.thumbnail(id_)

    def positions_where(self, condition: str) -> NDArray[np.int64]:
        """Rows (0-based, ascending) that satisfy an SQL condition over id, uri, split, label, width, height, sha256 and corpus.

        Raises:
            InputError: the condition is not SQL over these columns.
        """
        position = self.rows.position
        return np.sort(np.array([position[id_] for id_ in self.table.ids_where(condition)], dtype=np.int64))

    @overload
    def search(
        self, query: Single, k: int = 10, where: str | None = None, exclude_self: bool = False
    ) -> SearchResult: ...

    @overload
    def search(
        self, query: list[Each] | tuple[Each, ...], k: int = 10, where: str | None = None, exclude_self: bool = False
    ) -> list[SearchResult]: ...

    # An array's rank and a list's numbers decide at run time whether they are one query.
    @overload
    def search(
        self, query: Any, k: int = 10, where: str | None = None, exclude_self: bool = False
    ) -> SearchResult | list[SearchResult]: ...

    def search(
        self, query: Any, k: int = 10, where: str | None = None, exclude_self: bool = False
    ) -> SearchResult | list[SearchResult]:
        """Finds the k most similar images.

        Args:
            query: a path, bytes, a Pillow image, an `(H, W[, C])` uint8 array, an id of the index, or a `(D,)` float vector (scaled to unit
                norm). A `(Q, D)` float array or a list of any of these asks several queries. A string is an id if no such file exists.
            k: hits wanted, ≥ 1. More than there are gives all of them and a note.
            where: SQL condition that hits must satisfy, e.g. `"label = 'Bag' AND split = 'test'"`.
            exclude_self: leaves out the query's own image: all rows with its content. A query that no row has the content hash of (a
                vector, an image that was encoded anew) leaves out rows of similarity ≥ 1 − 1e-6 instead.

        Returns:
            One `SearchResult`; for several queries a list of them. Equal similarities come in table order.

        Raises:
            InputError: k, the query or the condition is unusable; the message says what was expected.
            ImageError: the query image cannot be decoded.
        """
        return search(self, query, k, where, exclude_self)

    def audit(
        self,
        k: int = 10,
        anchors: int | None = None,
        progress: Progress | None = None,
        label_level: str | int | None = None,
    ) -> FalseNegativeReport:
        """Counts how many of each image's k hardest negatives are false.

        Args:
            k: hardest negatives an anchor, ≥ 1; lowered to the number of other images.
            anchors: how many images are anchors (seeded choice); all up to 200,000 images and 10,000 of more, if left out.
            progress: shows a bar.
            label_level: which labels decide: `coarse`, `fine` (`class/subclass` of a folder) or a number of folders; those that the run
                was measured by, if left out.

        Raises:
            InputError: k or anchors is less than 1, or there is no such level.
        """
        from samekind.indexer.audit.audit import audit

        return audit(self, k=k, anchors=anchors, progress=progress, label_level=label_level)

    def label_issues(self, count: int = 100, progress: Progress | None = None) -> LabelIssues:
        """Ranks the images whose label may be wrong, by the votes of their neighbours.

        Args:
            count: longest list wanted, ≥ 1.
            progress: shows a bar.

        Raises:
            InputError: the corpus has no labels or one class only, or count is less than 1.
        """
        from samekind.indexer.curation.label_issues import label_issues

        return label_issues(self, count, progress)

    def duplicates(self, count: int = 100, progress: Progress | None = None) -> Duplicates:
        """Ranks the pairs of images that show the very same picture, or nearly: equal content first, then by the agreement of their pixels.

        Args:
            count: longest list wanted, ≥ 1.
            progress: shows bars.

        Raises:
            InputError: count is less than 1.
        """
        from samekind.indexer.curation.near_duplicates import duplicates

        return duplicates(self, count, progress)

    def add(self, corpus: Corpus, progress: Progress | None = None) -> int:
        """Adds a corpus; only content that the index does not hold yet is embedded. What changed in a source replaces its old rows.

        Returns:
            How many images were embedded.
        """
        from samekind.indexer.building.build import bring_up_to_date

        embedded = bring_up_to_date(corpus, self.encoder, self.path, progress)
        self._reload()
        return embedded

    def remove(self, ids: Sequence[str], progress: Progress | None = None) -> int:
        """Removes images by id. Indexing their corpus again brings them back.

        Returns:
            How many were removed, with those of an interrupted removal that opening this index has finished.

        Raises:
            InputError: an id is not in the index, or none would be left; nothing is removed then.
        """
        from samekind.indexer.building.build import remove_rows

        unique = list(dict.fromkeys([ids] if isinstance(ids, str) else ids))
        there = [id_ for id_ in unique if id_ in self.rows.position or id_ not in self._removed]
        for id_ in there:
            self.rows.position_of(id_)
        if not there:
            return len(unique)
        if len(there) == len(self):
            raise InputError("cannot remove every image of an index", hint=f"delete the folder {self.path} instead")
        remove_rows(self.path, there, progress)
        self._reload()
        return len(unique)

    def _reload(self) -> None:
        """Forgets what was read, except the encoder."""
        self._manifest = Manifest.read(self.path)
        for name in ("rows", "vector_index", "table", "splits"):
            self.__dict__.pop(name, None)


def build_index(
    corpus: Corpus, encoder: ImageEncoder | str | Path, out: str | Path, progress: Progress | None = None
) -> Index:
    """Embeds a corpus into an index; a build that was interrupted goes on, and what is in the index already is not embedded again.

    Args:
        corpus: the images, of every split.
        encoder: makes the embeddings: an encoder, or the artefact that holds one.
        out: the artefact that gets the index; it may be the encoder's own folder, or hold an index already.
        progress: shows bars and says what was found.

    Raises:
        ArtefactError: `out` cannot be written, holds another encoder or an unfinished training, or another process is working there.
    """
    from samekind.indexer.building.build import bring_up_to_date, copy_encoder

    if isinstance(encoder, str | Path):
        from samekind.training.models.encoder import Encoder

        loaded = Encoder.load(encoder)
        copy_encoder(Path(encoder), Path(out))
    else:
        loaded = encoder  # type: ignore[assignment]
    bring_up_to_date(corpus, loaded, Path(out), progress)
    return Index.open(out, encoder=loaded)
