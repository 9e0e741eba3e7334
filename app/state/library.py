"""The opened index with all that is worked out from it, one for all sessions of the server.

The Search page must be there in seconds: opening reads no vectors and loads no encoder; `warm_later` does so after the first page.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.app.jobs import map_job
from samekind.app.jobs.adapting import Adapting
from samekind.app.jobs.audit_job import AuditJob
from samekind.app.jobs.job import Job, Progress
from samekind.app.jobs.leases import Leases
from samekind.app.state.query import Query
from samekind.app.state.search.usual import UsualSimilarities
from samekind.app.state.stamp import Stamp, stamp
from samekind.app.state.uploads import Upload, Uploads
from samekind.app.view_models import bought_view, search_view

if TYPE_CHECKING:
    import samekind as sk

MOST_LISTED, PICTURES_KEPT, SCREENS_KEPT = 500, 16, 16
CANDIDATE_DEPTH = 10
"""Hardest negatives per anchor that are candidates for labeling."""
Kept = TypeVar("Kept")
WARM_AFTER_SECONDS = 3.0  # the browser is still drawing by then


class Library:
    """An opened index and what the pages work out from it.

    Attributes:
        index: the opened index, as it is adapted now; what was worked out from one that was adapted otherwise stays true.
        leases: the pairs and screens that sessions show just now.
        adapting: adapts the index to answers in the background.
    """

    def __init__(self, index: sk.Index) -> None:
        self.index = index
        self._loading = threading.Lock()
        self._auditing = threading.Lock()
        self._audits: dict[tuple[int, str | None], AuditJob] = {}
        self._lists: dict[str, Job[Any]] = {}
        self._pooling = threading.Lock()
        self.leases = Leases()
        self.adapting = Adapting()
        self._following = threading.Lock()
        self._followed: Stamp | None = None
        self._pool: tuple[AuditJob, sk.CandidatePool] | None = None
        self._samples: dict[str | None, sk.HardNegativeSample] = {}
        self._warming = False
        self._uploads = Uploads()
        self._usual = UsualSimilarities()
        self._keeping = threading.Lock()
        self._kept: dict[Callable[[Library], Any], Any] = {}

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
                self.index = self.index.readapted()
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

    def label(self, id_: str) -> str | None:
        """Class of an image."""
        return None if self.index.labels is None else self.index.labels[self.positions[id_]]

    @cached_property
    def picture(self) -> Callable[[str], bytes]:
        """`Index.picture`, the last ones kept: a photo takes a while to read, and every note or switch draws the page again."""
        return lru_cache(maxsize=PICTURES_KEPT)(self.index.picture)

    def neighbours(
        self, query: Query, k: int, where: str | None, leave_out_itself: bool, adapted: bool = True
    ) -> Sequence[sk.Hit]:
        """The k images most similar to the query, most similar first; in the space that people's answers have made, if `adapted`.

        Raises:
            SamekindError: an upload that cannot be read, or words that are too many, among others.
        """
        if query.id is None:
            return self.searched(self.asked(query), k, where, leave_out_itself and query.words is None, adapted)
        hits = _hits(self.index.search(self.asked(query), k + 1, where, adapted=adapted))  # not its copies: they stay
        return search_view.without(hits, [query.id] if leave_out_itself else [], k)

    def asked(self, query: Query) -> Any:
        """What `Index.search` takes for a query; raises as `upload`."""
        from samekind import Text

        if query.words is not None:
            return Text(query.words)
        return self.upload(query).query if query.is_read else self.index.embedded_id(query.id or "")

    def searched(self, query: Any, k: int, where: str | None, exclude_self: bool, adapted: bool) -> Sequence[sk.Hit]:
        """Hits of `Index.search`, which may have to load the encoder: the background may be doing so just now."""
        with self._loading:
            return _hits(self.index.search(query, k=k, where=where, exclude_self=exclude_self, adapted=adapted))

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

    def audit(self, k: int, split: str | None = None) -> AuditJob:
        """The audit with k negatives per anchor, of one split if named, one for all sessions: done, under way, or begun just now."""
        with self._auditing:
            if (k, split) not in self._audits or self._audits[k, split].failed:
                self._audits[k, split] = AuditJob(self.index, k, split)
            return self._audits[k, split]

    def label_issues(self) -> Job[sk.LabelIssues]:
        """The list of label issues, one for all sessions, as `audit`."""
        return self._list("labels", lambda progress: self.index.label_issues(MOST_LISTED, progress))

    def duplicates(self) -> Job[sk.Duplicates]:
        """The list of duplicates, one for all sessions, as `audit`."""
        return self._list("duplicates", lambda progress: self.index.duplicates(MOST_LISTED, progress))

    def beside_pixels(self) -> Job[sk.BesidePixels | None]:
        """The encoder beside raw pixels, one for all sessions, as `audit`."""
        from samekind import beside_pixels

        return self._list("pixels", lambda progress: beside_pixels(self.index, progress=progress))

    def leaks(self) -> Job[sk.Duplicates]:
        """The list of leaks between splits, one for all sessions, as `audit`."""
        return self._list("leaks", lambda progress: self.index.leaks(MOST_LISTED, progress))

    def map(self) -> Job[sk.ImageMap]:
        """The map of the index as it is adapted now, read or made, one for all sessions; kept in the artefact if that can be."""
        return self._list(f"map-{map_job.space(self.index)}", partial(map_job.read_or_made, self.index))

    def detectors(self) -> Job[sk.DetectorReport]:
        """The figures of all detectors of false negatives, once for all sessions, as `audit`."""
        from samekind import evaluate_detectors

        return self._list("detectors", lambda progress: evaluate_detectors(self.index.path, progress=progress))

    @property
    def has_detectors(self) -> bool:
        """True if somebody has asked for them."""
        return "detectors" in self._lists

    def sample(self, report: sk.FalseNegativeReport) -> sk.HardNegativeSample:
        """The random sample of hard negatives of an audit, drawn once for each split: it is the same at every depth."""
        from samekind import HardNegativeSample

        with self._pooling:
            if report.split not in self._samples:
                self._samples[report.split] = HardNegativeSample(self.index, report)
            return self._samples[report.split]

    def doubted(self) -> frozenset[str]:
        """Ids of images whose label may be wrong, if the list of label issues is there already; it is not made for this."""
        job = self._lists.get("labels")
        found = None if job is None else job.result
        return frozenset() if found is None else frozenset(issue.id for issue in found.issues)

    @cached_property
    def near_copies(self) -> Callable[[tuple[str, ...]], list[tuple[str, str]]]:
        """The pairs among a few images that are nearly the same picture, of the last screens kept: marks do not change them."""
        from samekind import near_copies

        return lru_cache(maxsize=SCREENS_KEPT)(lambda ids: near_copies(self.index, ids))

    def _list(self, name: str, work: Callable[[Progress], Any]) -> Job[Any]:
        with self._auditing:
            if name not in self._lists or self._lists[name].failed:
                self._lists[name] = Job(work, f"samekind-{name}")
            return self._lists[name]

    def pool(self) -> sk.CandidatePool:
        """The candidate pairs, found once from the audit with 10 negatives per anchor, which must be done."""
        from samekind import CandidatePool

        job = self.audit(CANDIDATE_DEPTH)
        with self._pooling:
            if self._pool is None or self._pool[0] is not job:
                self._pool = (job, CandidatePool(self.index, job.wait(lambda share: None).report))
            return self._pool[1]

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
