"""The one place where what people have said is read for an adaptation or a training: verdicts on pairs, and class labels."""

from __future__ import annotations

from pathlib import Path

from samekind.core.errors import ArtefactError
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.people.given_labels import LabelTable
from samekind.indexer.labeling.people.naming import Naming
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.training.false_negatives.links import LinkConstraints, Pair


def read_naming(path: str | Path) -> Naming:
    """The labels that people gave to images of an artefact, joined with their verdicts.

    Raises:
        ArtefactError: the artefact is not there, or a table is damaged.
    """
    return Naming.of(LabelTable.of(path).current(), VerdictTable.of(path).current())


def current_answers(path: str | Path) -> dict[Pair, Verdict]:
    """The present answer on each pair: verdicts, and what follows from given labels (`note` says so). Conflicts are left out.

    Raises:
        ArtefactError: the artefact is not there, or a table is damaged.
    """
    return read_naming(path).answers


def read_link_constraints(path: str | Path) -> LinkConstraints:
    """Constraints from the answers of an artefact, for a training.

    Raises:
        ArtefactError: the artefact is not there, or nobody has given a verdict or a label.
    """
    current = current_answers(path)
    if not current:
        raise ArtefactError(
            f"{path} holds no verdicts", hint="give some in samekind demo, or samekind verdicts or labels import them"
        )
    return link_constraints(current.values())
