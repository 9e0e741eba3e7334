"""The opened index with all that is worked out from it, one for all sessions of the server.

The Search page must be there in seconds: opening reads no vectors and loads no encoder; `warm_later` does so after the first page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.app.jobs.adapting import Adapting
from samekind.app.jobs.audit_job import AuditJob
from samekind.app.jobs.job import Job
from samekind.app.jobs.leases import Leases
from samekind.app.jobs.pool_job import PoolJob
from samekind.app.state.background_work import BackgroundWork
from samekind.app.state.query import Query
from samekind.app.state.search.usual import UsualSimilarities
from samekind.app.state.stamp import Stamp, stamp
from samekind.app.state.uploads import Upload, Uploads
from samekind.app.view_models import bought_view, search_view

if TYPE_CHECKING:
    import samekind as sk

PICTURES_KEPT, SCREENS_KEPT = 16, 16
CANDIDATE_DEPTH = 10
"""Hardest negatives per anchor that are candidates for labeling."""
Kept = TypeVar("Kept")
WARM_AFTER_SECONDS = 3.0  # the browser is still drawing by then


class Library(BackgroundWork):
    """An opened index and what the pages work out from it.

    Attributes:
        index: the opened index, as it is adapted now; what was worked out from one that was adapted otherwise stays true.
        leases: the pairs and screens that sessions show just now.
        adapting: adapts the index to answers in the background.
        has_searched: somebody has searched in the space as it is now, so its vectors have been read.
    """

    def __init__(self, index: sk.Index) -> None:
        super().__init__(index)
        self._loading = threading.Lock()
        self._pooling = threading.Lock()
        self.leases = Leases()
        self.adapting = Adapting()
        self._following = threading.Lock()
        self._followed: Stamp | None = None
        self._pool: tuple[AuditJob, sk.CandidatePool] | None = None
        self._growing: PoolJob | None = None
        self._samples: dict[str | None, sk.HardNegativeSample] = {}
        self._warming = False
        self.has_searched = False
        self._uploads = Uploads()
        self._usual = UsualSimilarities()
        self._keeping = threading.Lock()
        self._kept: dict[Callable[[Library], Any], Any] = {}
        self._near_copies: dict[tuple[str, ...], Job[list[tuple[str, str]]]] = {}

    def kept(self, kind: Callable[[Library], Kept]) -> Kept:
        """What a page works out of this index, made when it is first asked for, and one for all sessions."""
        with self._keeping:
            if kind not in self._kept:
                self._kept[kind] = kind(self)
            found: Kept = self._kept[kind]
            return found

    def follow_adaptation(self) -> None:
        """Searches as the artefact is adapted now, whoever adapted it.

        Raises:
            SamekindError: the adaptation is damaged, or the index has changed.
        """
        with self._following:
            found = stamp(self.index.path / "adaptation.safetensors")
            if found != self._followed:
                self.index, self.has_searched = self.index.readapted(), False
                self._followed = found

    def adapt_later(self) -> None:
        """Adapts the index to the answers in the background; `adapting` says what came of it."""
        from samekind import adapt

        self.adapting.ask(lambda: self._changed(lambda: bought_view.outcome(adapt(self.index.path))))

    def undo_adaptation_later(self) -> None:
        """Takes the last adaptation back in the background, likewise."""
        from samekind import undo_adaptation

        self.adapting.ask(lambda: self._changed(lambda: bought_view.undone(undo_adaptation(self.index.path))))

    def _changed(self, change: Callable[[], str]) -> str:
        """Changes the adaptation; who searches meanwhile holds the vectors that are about to be replaced, and so loses nothing."""
        self.follow_adaptation()
        self.index.adapted_vectors(np.array([0]))
        line = change()
        self.follow_adaptation()
        return line

    @cached_property
    def positions(self) -> dict[str, int]:
        """Row of each id in table order."""
        return {id_: i for i, id_ in enumerate(self.index.ids)}

    @cached_property
    def classes(self) -> list[str]:
        """Class names in alphabetical order; empty for an unlabelled corpus."""
        return self.index.classes

    @cached_property
    def has_unlabelled(self) -> bool:
        """True if a labelled corpus holds images without a label."""
        return any(label is None for label in self.index.labels or [])

    @cached_property
    def splits(self) -> list[str]:
        """The splits that occur."""
        found = set(self.index.splits)
        return [name for name in ("train", "validation", "test") if name in found]

    def setting(self, name: str) -> Any:
        """A setting of the training that the encoder comes from; `None` if it is unknown, or nothing was trained here."""
        from samekind import SamekindError

        try:
            return (self.index.meta.get("config") or {}).get(name)
        except SamekindError:
            return None

    def label(self, id_: str) -> str | None:
        """Class of an image."""
        return None if self.index.labels is None else self.index.labels[self.positions[id_]]

    @cached_property
    def picture(self) -> Callable[[str], bytes]:
        """`Index.picture`, the last ones kept: a photo takes a while to read, and every note or switch draws the page again."""
        return lru_cache(maxsize=PICTURES_KEPT)(self.index.picture)

    def neighbours(
        self,
        query: Query,
        k: int,
        where: str | None,
        leave_out_itself: bool,
        adapted: bool = True,
        diversity: float = 0.0,
    ) -> Sequence[sk.Hit]:
        """The k images most similar to the query, most similar first; in the space that people's answers have made, if `adapted`.

        Its copies stay where it is left out itself, but not where hits shall differ from each other.

        Raises:
            SamekindError: an upload that cannot be read, or words that are too many, among others.
        """
        by_content = leave_out_itself and query.words is None
        if query.id is None or diversity:
            return self.searched(self.asked(query), k, where, by_content, adapted, diversity)
        hits = _hits(self.index.search(self.asked(query), k + 1, where, adapted=adapted))
        self.has_searched = True
        return search_view.without(hits, [query.id] if leave_out_itself else [], k)

    def asked(self, query: Query) -> Any:
        """What `Index.search` takes for a query; raises as `upload`."""
        from samekind import Text

        if query.words is not None:
            return Text(query.words)
        return self.upload(query).query if query.is_read else self.index.embedded_id(query.id or "")

    def searched(
        self, query: Any, k: int, where: str | None, exclude_self: bool, adapted: bool, diversity: float = 0.0
    ) -> Sequence[sk.Hit]:
        """Hits of `Index.search`, which may have to load the encoder: the background may be doing so just now."""
        with self._loading:
            found = _hits(self.index.search(query, k, where, exclude_self, adapted, diversity=diversity))
        self.has_searched = True
        return found

    def upload(self, query: Query) -> Upload:
        """The upload of a query, or the part of an image that it is, read once.

        Raises:
            SamekindError: it is no image, or has no such part.
        """
        with self._loading:  # the background may be loading the encoder just now
            return self._uploads.read(self.index, query.source, query.inverted, query.crop)

    def embedded(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`(D,)` vector of a picture, `(H, W)` or `(H, W, 3)`, in the encoder's own space.

        Raises:
            SamekindError: there is no encoder, or it cannot be loaded.
        """
        with self._loading:
            return self.index.embedded(image).vector_D

    def usual_similarity(self, adapted: bool) -> NDArray[np.float64]:
        """How near the corpus' own images are to each other: similarities to the nearest other image, ascending; worked out once."""
        return self._usual.of(self.index, adapted)

    def sample(self, report: sk.FalseNegativeReport) -> sk.HardNegativeSample:
        """The random sample of hard negatives of an audit, drawn once for each split: it is the same at every depth."""
        from samekind import HardNegativeSample

        with self._pooling:
            if report.split not in self._samples:
                self._samples[report.split] = HardNegativeSample(self.index, report)
            return self._samples[report.split]

    def near_copies(self, ids: tuple[str, ...]) -> Job[list[tuple[str, str]]]:
        """The pairs among a few images that are nearly the same picture; what failed is begun anew.

        A moment of work, but the first one may have to import torch, which takes 2 s.
        """
        from samekind import near_copies

        job = self._near_copies.pop(ids, None)
        if job is None or job.failed:
            job = Job(lambda progress: near_copies(self.index, ids), "samekind-near-copies")
        self._near_copies[ids] = job  # of the last screens kept: marks do not change them
        if len(self._near_copies) > SCREENS_KEPT:
            self._near_copies.pop(next(iter(self._near_copies)), None)
        return job

    def pool(self) -> sk.CandidatePool:
        """The candidate pairs, found once from the audit with 10 negatives per anchor, which must be done.

        Of a large index those that are there by now, at least the first.

        Raises:
            SamekindError: of a large index there are none.
        """
        from samekind import CandidatePool

        if CandidatePool.grows(self.index):
            return self.growing_pool().first(lambda share: None)
        job = self.audit(CANDIDATE_DEPTH)
        with self._pooling:
            if self._pool is None or self._pool[0] is not job:
                self._pool = (job, CandidatePool(self.index, job.wait(lambda share: None).report))
            return self._pool[1]

    def growing_pool(self) -> PoolJob:
        """The job that finds the candidate pairs of a large index, one for all sessions: done, under way, or begun just now."""
        with self._pooling:
            if self._growing is None or (self._growing.failed and self._growing.newest is None):
                self._growing = PoolJob(self.index)
            return self._growing

    @cached_property
    def screens(self) -> sk.ScreenPool:
        """What screens are made of; that needs no audit."""
        from samekind import ScreenPool

        return ScreenPool(self.index)

    @cached_property
    def verdicts(self) -> sk.VerdictTable:
        """The pairwise annotations of this artefact."""
        from samekind import VerdictTable

        return VerdictTable(self.index.path)

    @cached_property
    def labels(self) -> sk.LabelTable:
        """The class names that people gave to images of this artefact."""
        from samekind import LabelTable

        return LabelTable(self.index.path)

    def warm_later(self) -> None:
        """Loads vectors and encoder in the background, once, after the page that is being drawn has had its turn."""
        if not self._warming:
            self._warming = True
            threading.Thread(target=self._warm, name="samekind-warm", daemon=True).start()

    def _warm(self) -> None:
        time.sleep(WARM_AFTER_SECONDS)
        try:
            with self._loading:
                _ = self.index.vectors(np.array([0])), self.index.encoder, self.index.has_text and self.index.text_tower
        except Exception:  # noqa: BLE001  it fails again, with a message, when a user needs it; or the server is just being stopped
            return


def _hits(result: sk.SearchResult | list[sk.SearchResult]) -> tuple[sk.Hit, ...]:
    assert not isinstance(result, list), "one query has one result"
    return result.hits
