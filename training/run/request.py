"""Identity of a run, compared with the one that lies in its folder: does it begin, continue, or is it finished already?

A run with answers keeps those that it began with in its own artefact. Otherwise whoever answers one more pair while it is interrupted would
make another run of it, and the same command could not continue it.
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
from samekind.data.types.preprocessing import PILLOW
from samekind.training.config.false_negatives import ASSUMED_PRIOR
from samekind.training.config.model import RANDOM
from samekind.training.config.presets import EPOCHS_BEFORE, preset
from samekind.training.config.train_config import TrainConfig, settings_that_count
from samekind.training.false_negatives.base_rate import AutoPrior
from samekind.training.false_negatives.links import LinkConstraints
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import ANSWERS, META, WEIGHTS, read_meta, write_json

VERDICTS = "verdicts"
"""Names the answers among the files of a run's identity."""
_ANEW = "choose another --out, or replace it with --force"


@dataclass(frozen=True)
class RunRequest:
    """A run that is asked for.

    Attributes:
        config: its settings.
        corpus: its images.
        outside: what else it reads, by content, see `samekind.training.false_negatives.guide.outside_files`.
        answers: pairwise annotations of them; `None` for a run without.
    """

    config: TrainConfig
    corpus: Corpus
    outside: Mapping[str, str]
    answers: LinkConstraints | None = None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides the result: settings, images, and the content of whatever else is read."""
        verdicts = {} if self.answers is None else {VERDICTS: self.answers.digest}
        return {
            "config": self.config.identity,
            "corpus": self.corpus.content_hash,
            "files": {**self.outside, **verdicts},
        }

    @property
    def digest(self) -> str:
        """Names the run. Settings at their defaults are left out, so that a new setting does not orphan the runs that are under way."""
        default, identity = TrainConfig().to_dict(), self.identity
        chosen = {name: value for name, value in identity["config"].items() if value != default[name]}
        before = EPOCHS_BEFORE.get(self.config.preset, default["epochs"])
        if self.config.steps is not None and before != default["epochs"]:
            chosen["epochs"] = (
                before  # which these presets had beside their steps, when runs that still go on were named
            )
        named = [chosen, identity["corpus"], identity["files"]]
        return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def with_first_answers(out: Path, request: RunRequest, progress: Progress) -> RunRequest:
    """The same run with the answers that it began with, if it was interrupted and other answers have been given since.

    Args:
        out: the artefact.
        request: the run, with the answers of today.
        progress: gets a line if these are not the ones that the run continues with.
    """
    if request.answers is None or not checkpoint.exists(out):
        return request
    first = read_answers(out)
    begun = request if first is None else replace(request, answers=first)
    if is_begun(out, request) or not is_begun(out, begun):
        return request
    progress.print(
        "continuing with the answers that this run began with; those given since are not in it (another --out has them all)"
    )
    return begun


def with_first_length(out: Path, request: RunRequest, progress: Progress) -> RunRequest:
    """The same run with the epochs that its preset had when it began, if that was in an older release.

    Args:
        out: the artefact.
        request: the run, with the steps that its preset has today.
        progress: gets a line if this is such a run.
    """
    config = request.config
    try:
        there = read_meta(out)
    except ArtefactError:
        return request
    lengths = {name: there.get("config", {}).get(name, "unknown") for name in ("epochs", "steps", "minutes")}
    epochs = EPOCHS_BEFORE.get(config.preset)
    if epochs is None or config.steps != preset(config.preset).steps:
        return request
    if lengths != {"epochs": epochs, "steps": None, "minutes": "unknown"}:
        return request
    begun = replace(request, config=replace(config, epochs=epochs, steps=None))
    if _difference(there, begun.identity, request.corpus):
        return request
    progress.print(f"this run was begun with {epochs} epochs, as {config.preset} had them then, and keeps them")
    return begun


def with_first_prior(out: Path, request: RunRequest, progress: Progress) -> RunRequest:
    """The same run with the prior that it has there, if it was begun when that was a number by default.

    Args:
        out: the artefact.
        request: the run, with the prior of today.
        progress: gets a line if this is such a run.
    """
    if not request.config.estimates_prior:
        return request
    try:
        there = read_meta(out)
    except ArtefactError:
        return request
    begun = replace(request, config=replace(request.config, prior=ASSUMED_PRIOR))
    if "prior" in there or _difference(there, begun.identity, request.corpus):
        return request
    progress.print(f"this run was begun with a prior of {ASSUMED_PRIOR}, and keeps it")
    return begun


def first_prior(out: Path, request: RunRequest) -> AutoPrior | None:
    """What `auto` came to when this run was begun; `None` if it was not."""
    found = read_meta(out).get("prior") if is_begun(out, request) else None
    return None if found is None else AutoPrior(**found)


def first_resize(out: Path, request: RunRequest) -> str | None:
    """How a pretrained encoder's images were scaled when this run was begun (`Preprocessing.resize`); `None` if it was not."""
    if not is_begun(out, request):
        return None
    return str(read_meta(out)["encoder"].get("resize", PILLOW))


def is_finished(out: Path, request: RunRequest) -> bool:
    """True if the run that is asked for lies there already, finished.

    Raises:
        ArtefactError: the folder holds another run.
    """
    if not (out / META).is_file():
        return False
    meta = read_meta(out)
    finished = bool(meta["training"]["finished"])
    if not finished and not checkpoint.exists(out):
        return False  # begun and nothing done: whatever it was, nothing is lost
    if "identity" not in meta:
        hint = (
            "train into another folder (--out, with make OUT=FOLDER); the index and the answers there stay as they are"
        )
        raise ArtefactError(f"{out} holds an encoder that no training made", hint=hint)
    if difference := _difference(meta, request.identity, request.corpus):
        hint = _answers_hint(out, finished=finished) if _is_same_but_for_answers(meta, request) else _ANEW
        raise ArtefactError(f"{out} holds a run with {difference}", hint=hint)
    return finished and (out / WEIGHTS).is_file()


def refuse_old_backbone(out: Path) -> None:
    """Refuses to continue a run of release 0.1 on a library's backbone: its checkpoint holds the network in another form.

    Raises:
        ArtefactError: the folder holds such a run, interrupted.
    """
    if not (out / META).is_file() or not checkpoint.exists(out):
        return
    meta = read_meta(out)
    config = meta.get("config") or {}
    backbone = str(config.get("backbone", ""))
    if "train" not in config and "/" in backbone and not meta["training"]["finished"]:
        plain = backbone.partition("@")[0]
        raise ArtefactError(
            f"{out} holds a run on {backbone} that samekind 0.1 began, and only 0.1 can continue",
            hint=f"train anew with --force or another --out: {plain} begins with published weights, {plain}{RANDOM} with random ones",
        )


def is_begun(out: Path, request: RunRequest) -> bool:
    """True if this very run was begun here and interrupted."""
    try:
        meta = read_meta(out)
    except ArtefactError:
        return False
    return not meta["training"]["finished"] and not _difference(meta, request.identity, request.corpus)


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
        return LinkConstraints.from_dict(json.loads((out / ANSWERS).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _difference(meta: dict[str, Any], here: dict[str, Any], corpus: Corpus) -> str:
    """Difference to the run of this `meta.json`; empty if there is none. A setting that an older run does not know had its default."""
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
    """Difference of the images, as far as the record of a run tells."""
    name, count = there.get("name"), there.get("num_images")
    if name != corpus.name:
        return f"another corpus ({name} there, {corpus.name} asked for)"
    if count != len(corpus):
        return f"another corpus ({count} images of {name} there, {len(corpus)} now)"
    return f"another corpus (as many images of {name}, but other names, labels, splits or content)"


def _is_same_but_for_answers(meta: dict[str, Any], request: RunRequest) -> bool:
    """True if both runs have answers, and differ in nothing else."""
    there = meta.get("identity", {}).get("files", {}).get(VERDICTS)
    if there is None or request.answers is None:
        return False
    with_those = {**request.identity, "files": {**request.identity["files"], VERDICTS: there}}
    return not _difference(meta, with_those, request.corpus)


def _answers_hint(out: Path, *, finished: bool) -> str:
    if finished:
        return "answers were given or taken back since it began: choose another --out, or train again with --force"
    return (
        f"answers were given or taken back since it began, and {out / ANSWERS}, which should hold its own, is missing or damaged: "
        "choose another --out, or start over with --force"
    )
