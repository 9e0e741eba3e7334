"""Adapting the space of an index to people's answers, and undoing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.indexer.adaptation.answered import LeftOut, answers_about, left_out
from samekind.indexer.adaptation.belonging import OWN_PULL, fit_belonging, pull_at
from samekind.indexer.building.adapted import place_adaptation, take_away_adaptation
from samekind.indexer.building.removal import finish_removal_locked
from samekind.indexer.labeling.people.current_answers import current_answers
from samekind.indexer.search.leaning import leaning_index, usual_lean
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.adaptation import (
    Adaptation,
    adapted_files,
    current_adaptation,
    earlier_adaptation,
    next_version,
    set_aside,
)
from samekind.indexer.storage.checks import check_artefact, check_finished
from samekind.indexer.storage.layout import ADAPTATION
from samekind.indexer.storage.manifest import Manifest
from samekind.training.answers.answered import Answered
from samekind.training.answers.guard import HeldOut, held_out
from samekind.training.answers.metric import Total, Within, adapted_map, unit_rows
from samekind.training.runtime.artefact import check_writable
from samekind.training.runtime.lock import exclusive
from samekind.training.runtime.side_by_side import alone

# N rows, D dimension

_TOTAL_ROWS = 65_536  # of which the covariance of all is taken: its error is far below that of the groups'
_OTHER_ROWS = 4_096  # that stand for the index where held-out images are judged
_COVERED_ROWS = 1_024  # of which it is seen how many belong to groups: an error of 0.016 at most


@dataclass(frozen=True)
class AdaptReport:
    """What became of the answers.

    Attributes:
        adapted: the space was adapted to them.
        version: of the adaptation that the index is searched with now; `None` for the encoder's own space.
        answers: pairs called same or different that were used.
        groups: must-link groups of two images or more.
        images: images in these groups.
        contradictions: answers that others contradict; their groups are left out.
        gone: answers about images that the index does not hold.
        held_out: how held-out answers fare.
        message: one line: what was done, or why nothing.
        left_out: answers of groups that hold a contradiction, and about images that are gone.
    """

    adapted: bool
    version: int | None
    answers: int
    groups: int
    images: int
    contradictions: int
    gone: int
    held_out: HeldOut
    message: str
    left_out: tuple[LeftOut, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as `--json` prints it."""
        return {
            **self.__dict__,
            "held_out": asdict(self.held_out),
            "left_out": [asdict(each) for each in self.left_out],
        }


def adapt(path: str | Path, progress: Progress | None = None) -> AdaptReport:
    """Adapts the space of an index to the answers that its artefact holds, if held-out answers gain by it.

    The map is made from the encoder's vectors and from all answers anew, so it does not matter how often this is done. Where answers are
    too few, or held-out ones do not gain, the index stays as it is. Images of classes that the answers are about are found better; others
    stay as they are.

    Args:
        path: the artefact.
        progress: shows a bar.

    Raises:
        ArtefactError: there is no finished index, or another process is working there.
    """
    folder = Path(path)
    check_writable(folder)
    Manifest.read(folder)  # before a lock is made in a folder that is no artefact
    progress = progress or NoProgress()
    with exclusive(folder), progress.task("Adapting the space", 3) as task:
        finish_removal_locked(folder, progress)
        check_finished(folder)
        manifest = Manifest.read(folder)
        check_artefact(folder, manifest)
        index = OpenedIndex(folder, manifest)
        current_pairs = current_answers(folder)
        answered = answers_about(current_pairs, index.rows)
        neighbours, lean = usual_lean(index.vector_index)
        leaning = leaning_index(index.vector_index, neighbours, lean)
        space = AnsweredSpace(leaning)
        task.advance()
        judged = held_out(answered, space.vectors, space.evenly(_OTHER_ROWS), space.fit)
        task.advance()
        if judged.improves:
            current = _readable(lambda: current_adaptation(folder))
            figures = {"answers": answered.num_answers, "groups": len(answered.groups), "held_out": asdict(judged)}
            fitted = alone(lambda: space.pulling(space.fit(list(answered.groups), answered.strangers)))
            adaptation = replace(
                fitted,
                slope=fitted.slope if judged.tells_belonging else 0.0,
                member_R32=np.array([list(bytes.fromhex(each)) for each in chain(*answered.members)], dtype=np.uint8),
                group_R=np.repeat(np.arange(len(answered.members)), [len(each) for each in answered.members]),
                version=next_version(folder, current),
                encoder=manifest.encoder,
                made=datetime.now(UTC).isoformat(timespec="seconds"),
                figures=figures,
                before=None if current is None else current.version,
                neighbours=neighbours,
                lean=lean,
            )
            if current is not None:
                set_aside(folder, current)
            place_adaptation(folder, adaptation, manifest, leaning, index.rows)
        task.advance()
        report = _report(answered, judged, _readable(lambda: current_adaptation(folder)))
        return replace(report, left_out=left_out(current_pairs, index.rows))


def undo_adaptation(path: str | Path) -> int | None:
    """Takes the last adaptation back: the one before it is in force again, or the encoder's own space. The answers stay.

    Returns:
        The version that the index is searched with now; `None` for the encoder's own space.

    Raises:
        InputError: there is no adaptation.
        ArtefactError: another process is working there.
    """
    folder = Path(path)
    if not (folder / ADAPTATION).is_file() and not adapted_files(folder):
        raise InputError(f"{folder} has no adaptation to undo", hint="samekind adapt makes one from answers")
    with exclusive(folder):
        check_finished(folder)
        manifest = Manifest.read(folder)
        current = _readable(lambda: current_adaptation(folder))
        before = None if current is None else _readable(lambda: earlier_adaptation(folder, current))
        if current is not None:
            set_aside(folder, current)
        if before is None or before.encoder != manifest.encoder:
            take_away_adaptation(folder)
            return None
        check_artefact(folder, manifest)
        index = OpenedIndex(folder, manifest)
        leaning = leaning_index(index.vector_index, before.neighbours, before.lean)
        place_adaptation(folder, before, manifest, leaning, index.rows)
        return before.version


class AnsweredSpace:
    """The encoder's vectors, as they lean, and the maps that groups of rows give to them."""

    def __init__(self, index: VectorIndex) -> None:
        self.vectors = index.vectors
        self._rows, self._dim = len(index), index.dim
        self._total = Total(index.vectors(self.evenly(_TOTAL_ROWS)))

    def evenly(self, count: int) -> NDArray[np.int64]:
        """At most `count` rows, evenly spread over the table."""
        return np.unique(np.linspace(0, self._rows - 1, min(count, self._rows)).astype(np.int64))

    def fit(self, groups: list[NDArray[np.int64]], strangers: list[NDArray[np.int64]]) -> Adaptation:
        """What groups of rows make of the space, in their order and without their names, stored nowhere yet.

        Args:
            groups: of rows.
            strangers: rows that were told from each of them and are in none.
        """
        stored, ends = self.vectors(np.concatenate(groups)), np.cumsum([len(group) for group in groups])[:-1]
        map_DD = adapted_map(self._total, Within.of(np.split(stored, ends), self._dim)).astype(np.float32)
        no_names = np.empty((0, 32), np.uint8), np.empty(0, np.int64)
        bare = Adaptation(0, "", map_DD, np.empty((0, self._dim), np.float32), *no_names, made="", figures={})
        mapped = np.split(bare.mapped(stored), ends)
        means_GD = np.stack([group_RD.mean(axis=0, dtype=np.float64) for group_RD in mapped])
        centre_GD = unit_rows(means_GD).astype(np.float32)
        told = bare.mapped(self.vectors(np.concatenate(strangers)))
        told_from = np.split(told, np.cumsum([len(rows) for rows in strangers])[:-1])
        slope, threshold = fit_belonging(mapped, centre_GD, told_from)
        return replace(bare, centre_GD=centre_GD, slope=slope, threshold=threshold, own_pull=OWN_PULL)

    def pulling(self, fitted: Adaptation) -> Adaptation:
        """The same, pulling images that nobody was asked about as far as suits what its groups cover of the index."""
        sample_BD = fitted.mapped(self.vectors(self.evenly(_COVERED_ROWS)))
        return replace(fitted, pull=pull_at(float(fitted.belonging(sample_BD).max(axis=1).mean())))


def _readable(read: Callable[[], Adaptation | None]) -> Adaptation | None:
    """An adaptation; a damaged one is as good as none here, where it is replaced or taken away."""
    try:
        return read()
    except ArtefactError:
        return None


def _report(answered: Answered, judged: HeldOut, now: Adaptation | None) -> AdaptReport:
    return AdaptReport(
        adapted=judged.improves,
        version=None if now is None else now.version,
        answers=answered.num_answers,
        groups=len(answered.groups),
        images=sum(map(len, answered.groups)),
        contradictions=answered.contradictions,
        gone=answered.gone,
        held_out=judged,
        message=_message(answered, judged),
    )


def _message(answered: Answered, judged: HeldOut) -> str:
    if not answered.num_answers:
        return (
            "nobody has answered yet: give answers under 'Same or different?' in samekind demo, or samekind verdicts import or "
            "labels import"
        )
    if not answered.groups:
        return f"none of {counted(answered.num_answers, 'answer')} says same, and only these show what a class has in common"
    return judged.line
