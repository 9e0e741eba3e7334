"""Settings of a comparison, checked before anything is loaded, and the settings that all its trials share."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from samekind.comparison.budget import Budget, parse_budget
from samekind.comparison.methods import Method, chosen_methods
from samekind.core.cores import usable_cores
from samekind.core.errors import InputError
from samekind.data.layouts.folder_choices import CHOICES
from samekind.data.sources.registry import REGISTERED
from samekind.data.types.reading import READING_ARGUMENTS, Reading
from samekind.training.config.presets import preset
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.accuracy import KNN_K
from samekind.training.runtime.artefact import check_writable

_OF_FOLDERS = (*READING_ARGUMENTS, *CHOICES)
"""Settings that say how a folder is read: arguments of `load_corpus`."""
_OF_PACKS = ("max_pixels", "depth")
"""Those of them that say how a pack is read, too."""
_FOLDERS = ("data_dir", "out", "work")
_OF_THE_MACHINE = frozenset({*_FOLDERS, "workers", "device", "jobs"})
_LEAST = {"seeds": 1, "train_images": 2, "knn_k": 1, "jobs": 1}


def _are_names(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(entry, str) for entry in value)


def _reading_settings(corpus: str) -> tuple[str, ...]:
    """Which settings say how a corpus is read: of a registered one none. A folder that is missing is reported when it is loaded."""
    if corpus in REGISTERED:
        return ()
    return _OF_PACKS if Path(corpus).expanduser().is_file() else _OF_FOLDERS


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


# From Python anything may come: what a setting can be, and how that is said. `TrainConfig` checks what it has under the same name.
_KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "corpora": (_are_names, "a name or a folder, or several of them"),
    "methods": (_are_names, "the name of a row, or several of them"),
    **dict.fromkeys(_LEAST, (_is_whole, "a whole number")),
    "budget": (_is_text, "seconds as '120s', or a number of steps"),
    "preset": (_is_text, "the name of a preset"),
    "exclude": (_are_names, "a pattern, or several of them"),
    "curves": (lambda value: isinstance(value, bool), "True or False"),
    "data_dir": (lambda value: value is None or isinstance(value, Path), "the path of a folder"),
    **dict.fromkeys(("out", "work"), (lambda value: isinstance(value, Path), "the path of a folder")),
}


@dataclass(frozen=True)
class Settings:
    """One comparison.

    Attributes:
        corpora: names or folders, at least one.
        methods: names of rows; empty for all of them.
        seeds: how many, ≥ 1: 0, 1, …
        budget: `120s`, `500steps` or `500`.
        train_images: every trial trains on at most this many (chosen by its seed), ≥ 2.
        image_size: pixels a side; `None` takes each corpus' own.
        batch_size: images a step; `None` takes the preset's.
        preset: everything else.
        knn_k: neighbours that vote, ≥ 1.
        curves: also the curves, on the first corpus with seed 0.
        precision: `float32`, `bfloat16`, or `auto` for the one that this machine is faster with. It is part of a trial: a comparison that
            resumes elsewhere must name it, or starts again where the other one is faster.
        frames: pictures read of a file that has several, `first` or `all`.
        max_pixels: width × height up to which a picture is read.
        depth: bits of pictures that have more than 8; decided by their values if `None`.
        layout: how folders are laid out; recognised if `None`.
        labels: a file that has a folder's labels, `FILE` or `FILE:COLUMN`.
        several: when images of several labels are of the same class, `exact` or `any`; `exact` if `None`. With `any` the rows that need
            labels are left out: images that share one are no classes.
        exclude: patterns of files and folders to leave out.
        data_dir: where the corpora's files already are.
        out: folder of the results.
        work: folder of the trainings in progress.
        jobs: trials computed at once, each with its share of the cores. Changes the speed, and the last digits by the order of sums.
        workers: processes that make views; changes no figure but the speed.
        device: `auto`, `cpu`, `cuda` or `mps`.
    """

    corpora: tuple[str, ...]
    methods: tuple[str, ...] = ()
    seeds: int = 3
    budget: str = "120s"
    train_images: int = 20_000
    image_size: int | None = None
    batch_size: int | None = None
    preset: str = "plain"
    knn_k: int = KNN_K
    curves: bool = False
    precision: str = "auto"
    frames: str = Reading.frames
    max_pixels: int = Reading.max_pixels
    depth: int | None = None
    layout: str | None = None
    labels: str | None = None
    several: str | None = None
    exclude: tuple[str, ...] = ()
    data_dir: Path | None = None
    out: Path = Path("artifacts/results")
    work: Path = Path("artifacts/compare")
    jobs: int = 1
    workers: int | None = None
    device: str = "auto"

    @classmethod
    def of(cls, corpora: str | Path | Sequence[str | Path], **settings: Any) -> Settings:
        """Settings from what a caller has at hand.

        Paths may be strings, sequences may be lists, one name may stand alone, a budget may be a number of steps; `None` keeps a default.

        Raises:
            InputError: a setting is unknown, out of range or of another kind.
        """
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(settings) - set(known))
        if unknown:
            raise InputError(f"unknown setting {unknown[0]!r}", hint=f"settings are {', '.join(known)}")
        given = {name: value for name, value in settings.items() if value is not None}
        for name in _FOLDERS:
            if isinstance(given.get(name), str | os.PathLike):
                given[name] = Path(given[name])
        for name in {"methods", "exclude"} & set(given):
            given[name] = _names(given[name])
        if _is_whole(given.get("budget")):
            given["budget"] = str(given["budget"])
        return cls(corpora=_names(corpora), **given)

    def __post_init__(self) -> None:
        for name, (fits, wanted) in _KINDS.items():
            if not fits(getattr(self, name)):
                raise self._refusal(name, wanted)
        if not self.corpora:
            raise InputError("no corpus to compare on", hint="name one: --corpora fashion-mnist")
        for name, low in _LEAST.items():
            if getattr(self, name) < low:
                raise self._refusal(name, f"at least {low}")
        given = [name for name in _OF_FOLDERS if getattr(self, name) != getattr(Settings, name)]
        if idle := [name for name in given if not any(name in _reading_settings(corpus) for corpus in self.corpora)]:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
            raise InputError(f"{flags} says how a folder is read, and no corpus is one", hint="leave it out")
        parse_budget(self.budget)
        chosen_methods(self.methods)
        self.config()

    def reading_of(self, corpus: str) -> dict[str, Any]:
        """The arguments of `load_corpus` that say how a corpus is read, as far as it takes them."""
        return {name: getattr(self, name) for name in _reading_settings(corpus)}

    def _refusal(self, name: str, wanted: str) -> InputError:
        """Reports an invalid setting, with its default as the remedy."""
        default = getattr(Settings, name, None)
        hint = f"{default} is the default of {name}" if default not in (None, ()) else ""
        return InputError(f"{name} must be {wanted}, got {getattr(self, name)!r}", hint=hint)

    def check_folders(self) -> None:
        """Refuses folders that cannot be written before hours are spent.

        Raises:
            ArtefactError: one cannot.
        """
        check_writable(self.out)
        check_writable(self.work)

    def with_known_precision(self) -> Settings:
        """The same with what `auto` stands for on this machine: rows in different formats would not compare.

        Raises:
            InputError: the device is not there.
        """
        from samekind.training.runtime.devices import choose_device, use_bfloat16

        fast = use_bfloat16(self.precision, choose_device(self.device))
        return replace(self, precision="bfloat16" if fast else "float32")

    @property
    def parsed_budget(self) -> Budget:
        """The budget as seconds or steps."""
        return parse_budget(self.budget)

    def config(self, overrides: Mapping[str, Any] | None = None, **common: Any) -> TrainConfig:
        """The settings of a trial: the preset, what all trials share, and what is a method's own.

        Raises:
            InputError: a setting is unknown or out of range.
        """
        shared = {
            "limit": self.train_images,
            "hold_out": 0,  # all of them are trained on, and the test split is evaluated once, after the last epoch
            "image_size": self.image_size,
            "batch_size": self.batch_size,
            "precision": self.precision,
            "workers": self._workers,
            "device": self.device,
        }
        return preset(self.preset, **{**shared, **common, **(overrides or {})})

    @property
    def _workers(self) -> int | None:
        """Processes that make views, for each of the trials that share the cores; one trial alone chooses for itself."""
        return max(1, usable_cores() // self.jobs - 1) if self.workers is None and self.jobs > 1 else self.workers

    def rows(self, *, labelled: bool) -> tuple[Method, ...]:
        """The methods of the main table; without labels those that need them are left out."""
        return tuple(m for m in chosen_methods(self.methods) if labelled or not m.uses_labels)

    def timed_by(self, corpus_name: str, content_hash: str) -> dict[str, Any]:
        """Everything that decides the number of steps of a budget in seconds; kept beside the number."""
        names = ("budget", "preset", "train_images", "image_size", "batch_size", "precision")
        return {"corpus": corpus_name, "content_hash": content_hash, **{name: getattr(self, name) for name in names}}

    def command(self) -> str:
        """The command that asks for this, without what is the machine's own (folders, workers, device)."""
        words = ["samekind", "compare", "--corpora", ",".join(self.corpora)]
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "corpora" or f.name in _OF_THE_MACHINE or value == f.default:
                continue
            flag = "--" + f.name.replace("_", "-")
            if f.name == "exclude":
                words += [word for pattern in value for word in (flag, pattern)]
                continue
            words += [flag] if value is True else [flag, ",".join(value) if isinstance(value, tuple) else str(value)]
        return shlex.join(words)


def _names(given: object) -> Any:
    """One name or path becomes a tuple, and so do several; anything else stays as it is and is refused later."""
    if isinstance(given, str | os.PathLike):
        given = (given,)
    if not isinstance(given, Iterable):
        return given
    return tuple(os.fspath(entry) if isinstance(entry, os.PathLike) else entry for entry in given)
