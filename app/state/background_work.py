"""What takes a while to work out of an index and is shown on several pages: each begun once, for all sessions, in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.app.jobs import cluster_job, map_job
from samekind.app.jobs.audit_job import AuditJob
from samekind.app.jobs.job import Job, Progress

if TYPE_CHECKING:
    import samekind as sk

MOST_LISTED = 500


class BackgroundWork:
    """Audits and lists of an index: each is done, under way, or begun when it is asked for; one that failed is begun again.

    Attributes:
        index: the opened index.
    """

    def __init__(self, index: sk.Index) -> None:
        self.index = index
        self._auditing = threading.Lock()
        self._audits: dict[tuple[int, str | None], AuditJob] = {}
        self._lists: dict[str, Job[Any]] = {}

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

    def sketch(self) -> Job[NDArray[np.float32]]:
        """Where images lie until that map is laid out, once for all sessions, as `audit`."""
        return self._list(f"sketch-{map_job.space(self.index)}", partial(map_job.sketch, self.index))

    def clusters(self) -> Job[NDArray[np.uint8]]:
        """The cluster of each image in the space that searches use, once for all sessions, as `audit`."""
        return self._list(f"clusters-{map_job.space(self.index)}", partial(cluster_job.clusters, self.index))

    def detectors(self) -> Job[sk.DetectorReport]:
        """The figures of all detectors of false negatives, once for all sessions, as `audit`."""
        from samekind import evaluate_detectors

        return self._list("detectors", lambda progress: evaluate_detectors(self.index.path, progress=progress))

    def evaluation(self) -> Job[sk.Evaluation]:
        """The figures of the encoder on the test split, once for all sessions, as `audit`."""
        from samekind import evaluate

        return self._list("evaluation", lambda progress: evaluate(self.index.path, progress=progress))

    @property
    def evaluated(self) -> sk.Evaluation | None:
        """These figures, if somebody has asked for them and they are there."""
        job = self._lists.get("evaluation")
        return None if job is None else job.result

    @property
    def has_detectors(self) -> bool:
        """True if somebody has asked for them, and they could be measured as far as is known."""
        job = self._lists.get("detectors")
        return job is not None and not job.failed

    def doubted(self) -> frozenset[str]:
        """Ids of images whose label may be wrong, if the list of label issues is there already; it is not made for this."""
        job = self._lists.get("labels")
        found = None if job is None else job.result
        return frozenset() if found is None else frozenset(issue.id for issue in found.issues)

    def _list(self, name: str, work: Callable[[Progress], Any]) -> Job[Any]:
        with self._auditing:
            if name not in self._lists or self._lists[name].failed:
                self._lists[name] = Job(work, f"samekind-{name}")
            return self._lists[name]
