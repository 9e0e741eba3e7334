"""Whether a run begins, goes on or is finished already: what it is made of, compared with what lies in its folder.

A run with answers keeps those that it began with in its own artefact. Otherwise whoever answers one more pair while it is interrupted would
make another run of it, and the same command could not go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.training.config.train_config import TrainConfig, settings_that_count
from samekind.training.false_negatives.constraints import LinkConstraints
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import ANSWERS, META, WEIGHTS, read_meta, write_json

VERDICTS = "verdicts"
"""Names the answers among the files of a run's identity."""
_ANEW = "choose another --out, or replace it with --force"


@dataclass(frozen=True)
class Asked:
    """The run that is asked for.

    Attributes:
        config: its settings.
        corpus: its images.
        outside: what else it reads, by content, see `samekind.training.false_negatives.guide.outside_files`.
        answers: what people have said of pairs of them; `None` for a run without.
    """

    config: TrainConfig
    corpus: Corpus
    outside: Mapping[str, str]
    answers: LinkConstraints | None = None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides the result: settings, images, and the content of whatever else is read."""
        said = {} if self.answers is None else {VERDICTS: self.answers.digest}
        return {"config": self.config.identity, "corpus": self.corpus.content_hash, "files": {**self.outside, **said}}

    @property
    def digest(self) -> str:
        """Names the run. Settings at their defaults are left out, so that a new setting does not orphan the runs that are under way."""
        default, identity = TrainConfig().to_dict(), self.identity
        chosen = {name: value for name, value in identity["config"].items() if value != default[name]}
        named = [chosen, identity["corpus"], identity["files"]]
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def with_first_answers(out: Path, asked: Asked, progress: Progress) -> Asked:
    """The same run with the answers that it began with, if it was interrupted and other answers have been given since.

    Args:
        out: the artefact.
        asked: the run, with the answers of today.
        progress: told if these are not the ones that the run goes on with.
    """
    if asked.answers is None or not checkpoint.exists(out):
        return asked
    first = read_answers(out)
    begun = asked if first is None else replace(asked, answers=first)
    if is_begun(out, asked) or not is_begun(out, begun):
        return asked
    progress.print(
        "going on with the answers that this run began with; those given since are not in it (another --out has them all)"
    )
    return begun


def is_finished(out: Path, asked: Asked) -> bool:
    """Whether the run that is asked for lies there already, finished.

    Raises:
        ArtefactError: the folder holds another run.
    """
    if not (out / META).is_file():
        return False
    meta = read_meta(out)
    finished = bool(meta["training"]["finished"])
    if not finished and not checkpoint.exists(out):
        return False  # begun and nothing done: whatever it was, nothing is lost
    if difference := _difference(meta, asked.identity, asked.corpus):
        hint = _answers_hint(out, finished=finished) if _is_same_but_for_answers(meta, asked) else _ANEW
        raise ArtefactError(f"{out} holds a run with {difference}", hint=hint)
    return finished and (out / WEIGHTS).is_file()


def is_begun(out: Path, asked: Asked) -> bool:
    """Whether this very run was begun here and interrupted."""
    try:
        meta = read_meta(out)
    except ArtefactError:
        return False
    return not meta["training"]["finished"] and not _difference(meta, asked.identity, asked.corpus)


def write_answers(out: Path, answers: LinkConstraints | None) -> None:
    """Keeps the answers that a run begins with beside its `meta.json`; without answers no earlier ones stay there.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    if answers is None:
        (out / ANSWERS).unlink(missing_ok=True)
    else:
        write_json(out / ANSWERS, answers.to_dict())


def read_answers(out: Path) -> LinkConstraints | None:
    """The answers that a run began with; `None` if their file is missing or damaged, as it is in artefacts of older versions."""
    try:
        return LinkConstraints.from_dict(json.loads((out / ANSWERS).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _difference(meta: dict[str, Any], here: dict[str, Any], corpus: Corpus) -> str:
    """What the run of this `meta.json` differs in; empty if in nothing. A setting that an older run does not know had its default."""
    there = meta.get("identity", {})
    if there.get("corpus") != here["corpus"]:
        return _corpus_difference(meta.get("corpus", {}), corpus)
    files = there.get("files", {})
    if differing := sorted(name for name in {*files, *here["files"]} if files.get(name) != here["files"].get(name)):
        return "other verdicts" if differing == [VERDICTS] else f"another content of {' and '.join(differing)}"
    old, new = settings_that_count({**TrainConfig().to_dict(), **there.get("config", {})}), here["config"]
    different = ", ".join(
        f"{name} ({old.get(name)} there, {new.get(name)} asked for)"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )
    return different and f"another {different}"


def _corpus_difference(there: dict[str, Any], corpus: Corpus) -> str:
    """In what the images differ, as far as the record of a run tells."""
    name, count = there.get("name"), there.get("num_images")
    if name != corpus.name:
        return f"another corpus ({name} there, {corpus.name} asked for)"
    if count != len(corpus):
        return f"another corpus ({count} images of {name} there, {len(corpus)} now)"
    return f"another corpus (as many images of {name}, but other names, labels, splits or content)"


def _is_same_but_for_answers(meta: dict[str, Any], asked: Asked) -> bool:
    """Whether both runs have answers, and differ in nothing else."""
    there = meta.get("identity", {}).get("files", {}).get(VERDICTS)
    if there is None or asked.answers is None:
        return False
    with_those = {**asked.identity, "files": {**asked.identity["files"], VERDICTS: there}}
    return not _difference(meta, with_those, asked.corpus)


def _answers_hint(out: Path, *, finished: bool) -> str:
    if finished:
        return "answers were given or taken back since it began: choose another --out, or train anew with --force"
    return (
        f"answers were given or taken back since it began, and {out / ANSWERS}, which should hold its own, is missing or damaged: "
        "choose another --out, or start anew with --force"
    )
