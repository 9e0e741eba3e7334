"""An index on disk, opened: search it, audit it, add to it, remove from it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.indexer.search.searchable import SearchableIndex
from samekind.indexer.storage.adaptation import steps
from samekind.indexer.storage.checks import usable_adaptation
from samekind.indexer.storage.layout import JOURNAL
from samekind.indexer.storage.manifest import Manifest
from samekind.training.config.model import names_model
from samekind.training.models.image_encoder import ImageEncoder
from samekind.training.runtime.artefact import check_writable

if TYPE_CHECKING:
    from samekind.indexer.adaptation.adapt import AdaptReport
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.curation.label_issues import LabelIssues
    from samekind.indexer.curation.near_duplicates import Duplicates
    from samekind.indexer.verification import Verification


class Index(SearchableIndex):
    """The images of an artefact, their embeddings, and what can be asked of them.

    Args:
        path: the artefact.
        manifest: what it says of itself; use `Index.open`, which checks it.
        encoder: the encoder, if it is at hand; otherwise it is loaded from the artefact when needed.
    """

    def __init__(self, path: Path, manifest: Manifest, encoder: ImageEncoder | None = None) -> None:
        super().__init__(path, manifest, encoder)
        self._removed: frozenset[str] = frozenset()

    @classmethod
    def open(cls, path: str | Path, *, encoder: ImageEncoder | None = None) -> Self:
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
            from samekind.indexer.building.removal import finish_removal

            removed = finish_removal(folder)
        index = super().open(folder, encoder=encoder)
        index._removed = frozenset(removed)
        return index

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

    def add(self, corpus: Corpus, progress: Progress | None = None) -> int:
        """Adds a corpus; only content that the index does not hold yet is embedded. What changed in a source replaces its old rows.

        Returns:
            The number of images that were embedded.
        """
        from samekind.indexer.building.build import bring_up_to_date

        embedded = bring_up_to_date(corpus, self.encoder, self.path, progress)
        self._reload()
        return embedded

    def remove(self, ids: Sequence[str], progress: Progress | None = None) -> int:
        """Removes images by id. Indexing their corpus again brings them back.

        Returns:
            The number of images removed, with those of an interrupted removal that opening this index has finished.

        Raises:
            InputError: an id is not in the index, or none would be left; nothing is removed then.
        """
        from samekind.indexer.building.removal import remove_rows

        if not self._is_current():
            self._reload()
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
        """Forgets what was read; the encoder too, if it is no longer the one of the vectors."""
        self._manifest = Manifest.read(self.path)
        self.adaptation = usable_adaptation(self.path, self._manifest)
        for name in ("rows", "vector_index", "adapted_index", "table", "splits", "meta"):
            self.__dict__.pop(name, None)
        if "encoder" in self.__dict__ and self.encoder.fingerprint != self._manifest.encoder:
            del self.__dict__["encoder"]


def build_index(
    corpus: Corpus,
    encoder: ImageEncoder | str | Path,
    out: str | Path,
    progress: Progress | None = None,
    *,
    whitening: float | None = None,
    crops: int | None = None,
) -> Index:
    """Embeds a corpus into an index; a build that was interrupted resumes, and what is in the index already is not embedded again.

    Args:
        corpus: the images, of every split.
        encoder: makes the embeddings: an encoder, the artefact that holds one, or a pretrained model's name (`lite0`, `timm/NAME[@FILE]`,
            `open_clip/NAME[@TAG|FILE]`, `hf-hub:ORG/NAME`).
        out: the artefact that gets the index; it may be the encoder's own folder, or hold an index already.
        progress: shows bars and says what was found.
        whitening: of a pretrained model, fitted to this corpus without labels: an exponent in [0, 1] of its variances, 0 for none. If left
            out, it is fitted to what mutual neighbours share; a model that embeds text, too, gets none.
        crops: of each image, corpus and queries alike, whose features are averaged: 1, the model's own, or 2, with the image squashed to a
            square (or its centre, for a model that squashes), for twice the time. If left out, 1, or those of an encoder that is there.

    Raises:
        InputError, MissingDependencyError: there is no such model, its weights are not on this machine, or the encoder that is there
            takes another number of crops.
        ArtefactError: `out` cannot be written, holds another encoder or an unfinished training, or another process is working there.
    """
    from samekind.indexer.building.build import bring_up_to_date
    from samekind.indexer.building.encoder_files import copy_encoder

    loaded: ImageEncoder
    if isinstance(encoder, str) and names_model(encoder):
        from samekind.indexer.building.pretrained import RememberingEncoder, pretrained_encoder
        from samekind.indexer.evaluation.without_whitening import record_figures

        check_writable(Path(out))
        building, loaded = pretrained_encoder(encoder, corpus, Path(out), whitening, progress or NoProgress(), crops)
        bring_up_to_date(corpus, building, Path(out), progress)
        index = Index.open(out, encoder=loaded)
        if isinstance(building, RememberingEncoder) and building.whitens:
            record_figures(index, building.embedded)
        return index
    if isinstance(encoder, str | Path):
        from samekind.training.models.pretrained.resolve import resolve_encoder

        loaded = resolve_encoder(encoder, crops=crops)
        copy_encoder(Path(encoder), Path(out))
    else:
        loaded = encoder
    bring_up_to_date(corpus, loaded, Path(out), progress)
    return Index.open(out, encoder=loaded)
