"""A training that is asked for: few choices, everything else by default, and always of images that an artefact knows already.

The only text of a visitor's own is the run's name, and that becomes a folder beside the artefact and nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from samekind.core.errors import CorpusError, InputError
from samekind.data.sources.registry import REGISTERED
from samekind.indexer.storage.remedies import corpus_words, json_field
from samekind.training.config.false_negatives import TREATMENTS as TREATMENTS
from samekind.training.config.model import LITE0, names_model
from samekind.training.config.objective import OBJECTIVES as _ALL_OBJECTIVES
from samekind.training.config.objective import USING_LABELS
from samekind.training.config.presets import PRESETS as _ALL_PRESETS
from samekind.training.config.presets import preset as preset_config
from samekind.training.config.train_config import TrainConfig, check_use_of_answers
from samekind.training.runtime.artefact import META, check_writable

MODES: Mapping[str, str | None] = MappingProxyType(
    {"scratch": None, "adapter": "adapter", "last-2": "last-2", "all": "all"}
)
"""What is trained, with the value of `--train`: a network of our own; a small one behind a pretrained one; the last two blocks of that; all
of them.
"""
OBJECTIVES = tuple(name for name in _ALL_OBJECTIVES if name not in USING_LABELS)
PRESETS = tuple(name for name in _ALL_PRESETS if name != "adapter")
"""Lengths and widths of a training from scratch."""
LONGEST_NAME = 80
_NAME = re.compile(r"\w(?:[\w .+-]*[\w+-])?")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # which Windows takes for devices


@dataclass(frozen=True)
class TrainingRequest:
    """A training on the corpus of an artefact.

    Attributes:
        artefact: whose corpus, and beside which the run is put.
        name: of the run's folder.
        mode: one of `MODES`.
        preset: one of `PRESETS`; read in the mode `scratch` only.
        objective: one of `OBJECTIVES`; `None` takes the preset's, as for what follows.
        treatment: one of `TREATMENTS`.
        beta: hardness, at least 0, of the objective `hard`.
        minutes: about how long, instead of the preset's length.
        seed: of the run.
        answers: true to train with the answers that people gave in the artefact (`--verdicts`).
    """

    artefact: str | Path
    name: str
    mode: str = "scratch"
    preset: str = "small"
    objective: str | None = None
    treatment: str | None = None
    beta: float | None = None
    minutes: float | None = None
    seed: int | None = None
    answers: bool = False

    @property
    def folder(self) -> Path:
        """Where the run goes.

        Raises:
            InputError: the name is none of a folder beside the artefact.
        """
        _check_name(self.name)
        return Path(self.artefact).resolve().parent / self.name

    @property
    def config(self) -> TrainConfig:
        """The settings.

        Raises:
            InputError: they do not go together, or a value is out of range.
        """
        preset, overrides = self._overrides()
        return preset_config(preset, **overrides)

    @property
    def training(self) -> list[str]:
        """The settings that are not the preset's, as words of a command line."""
        preset, overrides = self._overrides()
        given = [(name, value) for name, value in overrides.items() if value is not None]
        told = ["--verdicts", str(Path(self.artefact).resolve())] if self.answers else []
        return ["--preset", preset, *(word for name, value in given for word in (f"--{name}", f"{value}")), *told]

    def check(self) -> None:
        """Refuses what cannot be begun, before anything is written.

        Raises:
            InputError: a setting, or the name.
            CorpusError: the images are unknown or gone.
            ArtefactError: the folder cannot be written.
        """
        check_use_of_answers(self.config, given=self.answers)
        trainable_corpus(self.artefact)
        if os.path.lexists(self.folder):
            raise InputError(f"there is something named {self.name} already", hint="choose another name")
        check_writable(self.folder)

    def _overrides(self) -> tuple[str, dict[str, Any]]:
        if self.mode not in MODES:
            raise InputError(f"unknown mode {self.mode!r}", hint=f"choose one of {', '.join(MODES)}")
        train = MODES[self.mode]
        what = {} if train is None else {"backbone": _pretrained_of(Path(self.artefact)), "train": train}
        how = {"objective": self.objective, "treatment": self.treatment, "beta": self.beta}
        length = {"minutes": self.minutes, "seed": self.seed}
        return self.preset if train is None else "adapter", {**what, **how, **length}


def settings_of(artefact: str | Path, mode: str, preset: str) -> TrainConfig:
    """The settings of a training for which nothing else is asked."""
    return TrainingRequest(artefact, "", mode, preset).config


def mode_of(artefact: str | Path) -> str:
    """The mode that suits an artefact: an adapter where its encoder is a pretrained one, otherwise `scratch`."""
    return "scratch" if _known_pretrained(Path(artefact)) is None else "adapter"


def trainable_corpus(artefact: str | Path) -> list[str]:
    """The corpus of an artefact, and how it is read, as words of a command line.

    Raises:
        CorpusError: the artefact does not know it, as where Python handed the images over, or it is no longer there.
    """
    words = corpus_words(Path(artefact).resolve())
    place = Path(words[1] if words else "")
    if not place.is_absolute() and str(place) not in REGISTERED:
        raise CorpusError(
            "this run does not say where its images are",
            hint="samekind train --corpus FOLDER trains on a folder of images",
        )
    if place.is_absolute() and not place.exists():
        raise CorpusError(f"the images are no longer at {place}", hint="samekind relocate says where they are now")
    return words


def free_name(artefact: str | Path, wanted: str) -> str:
    """A name like the one wanted that no file or folder beside the artefact has."""
    beside = Path(artefact).resolve().parent
    base = re.sub(r"[^\w.+-]+", "-", wanted).strip("-. ")[: LONGEST_NAME - 8] or "run"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, 10_000))
    return next(name for name in names if not os.path.lexists(beside / name))


def _check_name(name: str) -> None:
    is_one = len(name) <= LONGEST_NAME and len(name.encode()) <= 200 and _NAME.fullmatch(name)
    if not is_one or _RESERVED.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a run",
            hint=f"letters, digits, blanks and . _ + -, at most {LONGEST_NAME}, a letter or digit first",
        )


def _pretrained_of(artefact: Path) -> str:
    return _known_pretrained(artefact) or LITE0


def _known_pretrained(artefact: Path) -> str | None:
    """The pretrained model behind an artefact's encoder, by the name that the command line takes."""
    config, encoder = (json_field(artefact / META, name) or {} for name in ("config", "encoder"))
    for name in (config.get("backbone"), json_field(artefact / META, "source"), encoder.get("backbone")):
        if isinstance(name, str) and names_model(name):
            return name
    return None
