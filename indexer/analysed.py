"""An opened index with what is told of its images as a whole: audit, curation, adaptation, a full check."""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.core.errors import SamekindError
from samekind.core.progress import Progress
from samekind.indexer.search.searchable import SearchableIndex
from samekind.indexer.search.state.opening import read_state
from samekind.indexer.storage.adaptation import steps

if TYPE_CHECKING:
    from samekind.indexer.adaptation.adapt import AdaptReport
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.curation.label_issues import LabelIssues
    from samekind.indexer.curation.near_duplicates import Duplicates
    from samekind.indexer.verification import Verification

MOST_PREPARED = 100_000
_STAYS = {"encoder", "text_tower"}
"""What an index keeps when its images change and the encoder does not."""


class AnalysedIndex(SearchableIndex):
    """The images of an artefact, what is most like a query, and what is told of all of them; see `OpenedIndex`."""

    def audit(
        self,
        k: int = 10,
        anchors: int | None = None,
        progress: Progress | None = None,
        label_level: str | int | None = None,
        split: str | None = None,
    ) -> FalseNegativeReport:
        """Counts how many of each image's k hardest negatives are false.

        Args:
            k: hardest negatives an anchor, ≥ 1; lowered to the number of other images.
            anchors: how many images are anchors (seeded choice); all up to 200,000 images and 10,000 of more, if left out.
            progress: shows a bar.
            label_level: which labels decide: `coarse`, `fine` (`class/subclass` of a folder) or a number of folders; those that the run
                was measured by, if left out.
            split: only its images are anchors and negatives: `train` leaves out those that training never saw.

        Raises:
            InputError: k or anchors is less than 1, or there is no such level or split.
        """
        from samekind.indexer.audit.audit import audit
        from samekind.indexer.curation.leaks import leak_note

        report = audit(self, k=k, anchors=anchors, progress=progress, label_level=label_level, split=split)
        note = leak_note(self, progress=progress)
        return report if note is None else replace(report, notes=[*report.notes, note])

    def label_issues(self, count: int = 100, progress: Progress | None = None) -> LabelIssues:
        """Ranks the images whose label may be wrong: first copies with different labels, then by the class that the other images predict.

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

    def leaks(self, count: int = 100, progress: Progress | None = None) -> Duplicates:
        """Ranks the pairs of a training image and an image of another split that show the very same picture, or nearly, as `duplicates`.

        Args:
            count: longest list wanted, ≥ 1.
            progress: shows bars.

        Raises:
            InputError: count is less than 1.
        """
        from samekind.indexer.curation.leaks import leaks

        return leaks(self, count, progress)

    def prepare(self, progress: Progress | None = None) -> None:
        """Works out what the demo and `samekind suspects` ask first, and keeps it in the cache: label errors, duplicates, leaks, audit.

        Nothing for fewer than 10,000 images, of which all this takes seconds; nor for more than 100,000, of which it takes minutes. The
        demo does it by itself, while its first pages are looked at.

        Args:
            progress: shows bars.
        """
        from samekind.indexer.curation.kept import WORTH

        if not WORTH <= len(self) <= MOST_PREPARED:
            return
        # The audit last: the page that the demo opens on asks for it at once, and has kept it by then.
        for found in (self.label_issues, self.duplicates, self.leaks, self.audit):
            with suppress(SamekindError):  # such as no labels that could be wrong: told to whoever asks
                found(progress=progress)

    def label_suspects(self, count: int = 100, progress: Progress | None = None) -> LabelIssues:
        """The name that `label_issues` had in release 0.1; the next release drops it."""
        warnings.warn("Index.label_suspects is now Index.label_issues", DeprecationWarning, stacklevel=2)
        return self.label_issues(count, progress)

    def adapt(self, progress: Progress | None = None) -> AdaptReport:
        """Adapts the space that searches use to the answers that people have given, if held-out answers gain by it; takes a second.

        Answers come from the demo (*Same or different?*) or `samekind verdicts import`. The encoder's vectors stay as they are.

        Args:
            progress: shows a bar.

        Raises:
            ArtefactError: another process is working in the artefact.
        """
        from samekind.indexer.adaptation.adapt import adapt

        report = adapt(self.path, progress)
        self._reload()
        return report

    def undo_adaptation(self) -> int | None:
        """Takes the last adaptation back, so that the one before it is in force again, or none; the answers stay.

        Returns:
            The version that is in force now; `None` for the encoder's own space.

        Raises:
            InputError: there is no adaptation.
            ArtefactError: another process is working in the artefact.
        """
        from samekind.indexer.adaptation.adapt import undo_adaptation

        version = undo_adaptation(self.path)
        self._reload()
        return version

    def adaptations(self) -> list[dict[str, Any]]:
        """What the answers have bought step by step: the adaptation in force and those that it took the place of, the first one first.

        Returns:
            For each its `version`, `made`, `answers`, `groups`, `images` in these groups, and `held_out` as in `AdaptReport`.

        Raises:
            ArtefactError: a file is damaged.
        """
        return steps(self.path)

    def verify(self, progress: Progress | None = None) -> Verification:
        """Reads the index in full: hashes of the files, rows and vectors of the table, and whether all of them say the same.

        Args:
            progress: shows a bar.
        """
        from samekind.indexer.verification import verify

        return verify(self.path, progress)

    def write_report(self, report: FalseNegativeReport, path: Path) -> None:
        """Writes an audit of this index as one HTML file; `FalseNegativeReport.to_html` calls it."""
        from samekind.indexer.report.page import write_report

        write_report(report, self, path)

    def _reload(self) -> None:
        """Forgets all that was read and worked out; the encoder and its text tower only if it is no longer the one of the vectors."""
        state = read_state(self.path)
        stays = _STAYS if state.manifest.encoder == self._manifest.encoder else set()
        # First, and then forget: what another thread works out meanwhile is not of the state before.
        self._manifest, self.adaptation, self._files = state.manifest, state.adaptation, state.files
        worked_out = {
            name for of in type(self).__mro__ for name, kind in vars(of).items() if isinstance(kind, cached_property)
        }
        for name in worked_out - stays - {"reading"}:
            self.__dict__.pop(name, None)
