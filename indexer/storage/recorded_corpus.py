"""The corpus that an artefact was trained on, loaded again as its `meta.json` says."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError, CorpusError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.decoding.object_store import is_address
from samekind.data.layouts.folder_choices import CHOICES, choices_of
from samekind.data.sources.registry import load_corpus
from samekind.data.types.reading import READING_ARGUMENTS
from samekind.data.types.splits import SPLITS
from samekind.indexer.storage.recorded_reading import reading_of
from samekind.indexer.storage.remedies import json_field, rebuild_command, recorded_corpora
from samekind.training.runtime.artefact import META

_SOURCE = ("corpus", "data_dir", "limit", "seed", *CHOICES, *READING_ARGUMENTS)


def load_recorded_corpus(folder: Path, recorded: dict[str, Any], notes: list[str], progress: Progress) -> Corpus:
    """Loads the corpus that `meta.json` names.

    Args:
        folder: the artefact.
        recorded: the entry `corpus` of its meta.
        notes: gets a sentence if the corpus has changed since.
        progress: shows bars.

    Raises:
        ArtefactError: the artefact does not say which corpus it was.
        CorpusError: it cannot be loaded.
    """
    if not recorded.get("corpus"):
        raise ArtefactError(f"{folder} does not say which corpus it was trained on", hint=rebuild_command(folder))
    place = Path(recorded["corpus"])
    if place.is_absolute() and not place.exists():
        moved = f"samekind relocate {shlex.quote(str(folder))} NEWPLACE"
        raise CorpusError(f"the corpus of {folder} is no longer at {place}", hint=f"if it has moved: {moved}")
    corpus = load_corpus(**recorded_source(recorded), progress=progress)
    reading = reading_of(recorded, folder)
    if reading.depth is not None:
        corpus = replace(corpus, reading=replace(corpus.reading, depth=reading.depth))
    if not is_recorded_corpus(corpus, recorded):
        notes.append(
            f"The corpus has changed since the training ({recorded.get('num_images', '?')} images then, {len(corpus):,} now): "
            "these figures are of its images as they are now, and others than today's may have been trained on."
        )
    return corpus


def recorded_source(recorded: dict[str, Any]) -> dict[str, Any]:
    """Arguments of `load_corpus` as the entry `corpus` of a `meta.json` has them."""
    return {name: recorded[name] for name in _SOURCE if recorded.get(name) is not None}


def recorded_choices(folder: Path, corpus: str | Path) -> dict[str, Any]:
    """How an artefact's index, or else its training, read a folder of images: arguments of `load_corpus`; empty if it does not know the
    folder or read it without being told how.

    Args:
        folder: the artefact, which need not exist.
        corpus: the folder as it is named now.
    """
    given = str(corpus)
    place = given.rstrip("/") if is_address(given) else str(Path(corpus).expanduser().resolve())
    trained_on = json_field(folder / META, "corpus")
    known = trained_on if isinstance(trained_on, dict) and trained_on.get("corpus") == place else {}
    reading = {name: known[name] for name in READING_ARGUMENTS if known.get(name) is not None}
    for entry in recorded_corpora(folder):
        if entry.get("source") == place:
            choices = entry.get("choices")
            return {**(choices_of(choices) if isinstance(choices, dict) else {}), **reading}
    return {**choices_of(known), **reading}


def is_recorded_corpus(corpus: Corpus, recorded: dict[str, Any]) -> bool:
    """True if a corpus is what the training was given. That may have been one split of it, while the source always names the whole."""
    known = recorded.get("content_hash")
    return known is None or any(known == part.content_hash for part in (corpus, *map(corpus.split, SPLITS)))
