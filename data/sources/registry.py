"""Corpora by name or path, and the arguments that load each again.

`corpus.source` always describes the whole corpus: `load_corpus(**corpus.source)` gives every split back, also to a later command that
was handed one split only (an artefact trained on `split="train"` can still find its test images).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from samekind.core.errors import CorpusError, InputError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.decoding.object_store import is_address
from samekind.data.layouts.folder_choices import CHOICES, FolderChoices
from samekind.data.sources.mirror import mirrored
from samekind.data.sources.parquet import parquet_files, read_parquet
from samekind.data.types.reading import Reading, depth_of_bits
from samekind.data.types.splits import SPLITS, stratified_sample

REGISTERED = ("fashion-mnist", "cifar10", "digits", "synthetic")
"""The corpora that are known by name."""

DATA_DIR_VARIABLE = "SAMEKIND_DATA_DIR"

_LIMIT_SEED = 0


def load_corpus(
    corpus: str | Path,
    split: str | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    *,
    seed: int = 0,
    layout: str | None = None,
    labels: str | Path | None = None,
    exclude: str | Sequence[str] | None = None,
    several: str | None = None,
    frames: str = Reading.frames,
    max_pixels: int = Reading.max_pixels,
    depth: int | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Loads a corpus.

    Args:
        corpus: a registered name, a folder of images, Parquet files with images (one, or a folder of nothing else), or an `.npz` pack; also
            the address of one of these in an object store, such as `s3://bucket/photos`. A name wins over a folder called the same; write
            `./digits` for the folder.
        split: `train`, `validation` or `test`; all of them if left out. Ids are the same either way.
        data_dir: where a registered corpus's files already are; the environment variable `SAMEKIND_DATA_DIR` if left out.
        limit: at most that many training images, and the same share of every other split: a seeded choice that keeps the classes in
            proportion. Ids stay.
        seed: of the split that is made for a folder that names none.
        layout: how a folder is laid out, see `Corpus.from_folder`; recognised if left out.
        labels: a file that has a folder's labels, `FILE` or `FILE:COLUMN`.
        exclude: patterns of a folder's files and folders to leave out.
        several: when a folder's images of several labels are of the same class: `exact` or `any`, see `Corpus.from_folder`.
        frames: of a folder's files with several pictures the `first`, or `all`.
        max_pixels: width × height up to which a picture of a folder or pack is read.
        depth: bits of a folder's or pack's pictures that have more than 8; decided by the greatest value of all if left out.
        progress: shows downloads and decoding.

    Raises:
        InputError: the name is unknown, the split does not exist, a number or `frames` is out of range, or what says how to read a folder
            is given for another corpus.
        CorpusError: the folder or file is missing or holds no image, or the store cannot be reached.
        DownloadError: the corpus could not be fetched.
    """
    if split is not None and split not in SPLITS:
        raise InputError(f"unknown split {split!r}", hint=f"choose one of {', '.join(SPLITS)}")
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1 image, got {limit}")
    choices = FolderChoices.of(layout, labels, exclude, several)
    reading = Reading(frames, max_pixels).to_json() | ({} if depth is None else {"depth": depth})
    if isinstance(corpus, str) and corpus in REGISTERED:
        _refuse_choices({**choices.source, **reading, **({"seed": seed} if seed else {})}, corpus)
        loaded = _load_registered(corpus, _data_folder(data_dir), progress)
    elif is_address(str(corpus)):
        loaded = _load_remote(str(corpus), choices, {"seed": seed, **reading}, progress)
    else:
        loaded = _load_path(corpus, choices, {"seed": seed, **reading}, progress)
    if limit is not None:
        loaded = _limited(loaded, limit)
    return loaded if split is None else loaded.split(split)


def _load_registered(name: str, data_dir: Path | None, progress: Progress | None) -> Corpus:
    source: dict[str, Any] = {"corpus": name, "data_dir": None, "limit": None}
    found_in = {**source, "data_dir": None if data_dir is None else str(data_dir)}
    if name == "fashion-mnist":
        from samekind.data.sources import fashion_mnist

        return fashion_mnist.load(data_dir, progress, found_in)
    if name == "cifar10":
        from samekind.data.sources import cifar10

        return cifar10.load(data_dir, progress, found_in)
    if name == "digits":
        from samekind.data.sources import digits

        return digits.load(source)
    from samekind.data.sources import synthetic

    return synthetic.load(source)


def _data_folder(given: str | Path | None) -> Path | None:
    """The absolute data folder: as given, or from the environment."""
    folder = given if given is not None else os.environ.get(DATA_DIR_VARIABLE, "")
    return Path(folder).expanduser().resolve() if str(folder) else None


def _refuse_choices(given: Iterable[str], corpus: str) -> None:
    """Refuses what only a folder can honour."""
    flags = [f"--{name.replace('_', '-')}" for name in given]
    if flags:
        what, hint = ("is", "leave it out") if len(flags) == 1 else ("are", "leave them out")
        raise InputError(f"{', '.join(flags)} {what} for folders of images, and {corpus} is none", hint=hint)


def _load_path(given: str | Path, choices: FolderChoices, how: dict[str, Any], progress: Progress | None) -> Corpus:
    text = str(given)
    path = Path(text).expanduser()
    if text and path.exists() and parquet_files(path):
        return _load_parquet(path, choices, how, progress)
    if text and path.is_dir():
        laid_out: dict[str, Any] = {name: getattr(choices, name) for name in CHOICES}
        return Corpus.from_folder(path, **laid_out, **how, progress=progress)
    if text and path.is_file():
        if path.suffix.lower() != ".npz":
            raise CorpusError(
                f"{path} is a file, expected a folder of images, .parquet or .npz", hint="pass the folder that holds it"
            )
        _refuse_choices(
            {**choices.source, **{name: how[name] for name in ("frames", "seed") if how.get(name)}}, path.name
        )
        from samekind.data.sources.packs import read_pack

        depth = how.get("depth")
        most = how.get("max_pixels", Reading.max_pixels)
        source = {"corpus": str(path.resolve()), "data_dir": None, "limit": None, **how}
        del source["seed"]
        reading = Reading(max_pixels=most, depth=depth_of_bits(depth))
        return read_pack(path, source=source, progress=progress, reading=reading)
    known = ", ".join(REGISTERED)
    if isinstance(given, Path) or path.name != text:
        raise CorpusError(f"no such folder: {path}", hint=f"check the path, or name one of {known}")
    raise InputError(
        f"there is no folder {text!r}, and no corpus of that name", hint=f"name a folder of images, or one of {known}"
    )


def _load_remote(address: str, choices: FolderChoices, how: dict[str, Any], progress: Progress | None) -> Corpus:
    """A corpus in an object store, read from its copy; workers that do not see the copy fetch its images themselves."""
    address = address.rstrip("/")
    copy = mirrored(address, progress, choices.exclude).resolve()
    loaded = _load_path(copy, choices, how, progress)
    references = [
        reference
        if reference.path is None
        else replace(reference, address=f"{address}/{reference.path.relative_to(copy).as_posix()}")
        for reference in loaded.references
    ]
    return replace(loaded, references=references, source={**loaded.source, "corpus": address})


def _load_parquet(path: Path, choices: FolderChoices, how: dict[str, Any], progress: Progress | None) -> Corpus:
    frames = {"frames": how["frames"]} if how.get("frames", Reading.frames) != Reading.frames else {}
    _refuse_choices({**choices.source, **frames}, path.name)
    reading = Reading(max_pixels=how.get("max_pixels", Reading.max_pixels), depth=depth_of_bits(how.get("depth")))
    seed = how.get("seed", 0)
    kept = {name: value for name, value in how.items() if name != "seed" or value}
    source = {"corpus": str(path.resolve()), "data_dir": None, "limit": None, **kept}
    return read_parquet(path, source, seed, progress, reading)


def _limited(corpus: Corpus, limit: int) -> Corpus:
    """At most `limit` training images and the same share of each other split, in the corpus's own order."""
    rows_of = {split: [i for i, own in enumerate(corpus.splits) if own == split] for split in SPLITS}
    basis = len(rows_of["train"]) or len(corpus)
    share = min(1.0, limit / basis)
    chosen: list[int] = []
    for rows in rows_of.values():
        labels = None if corpus.labels is None else [corpus.labels[i] for i in rows]
        count = min(len(rows), max(1, round(len(rows) * share)))
        chosen += np.asarray(rows, dtype=np.int64)[stratified_sample(labels, len(rows), count, _LIMIT_SEED)].tolist()
    return replace(corpus.subset(sorted(chosen)), source={**corpus.source, "limit": limit})
