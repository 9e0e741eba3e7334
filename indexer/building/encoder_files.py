"""The encoder in the folder of its index: an artefact can be copied and opened as it is."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.data.corpus import Corpus
from samekind.data.layouts.folder_choices import choices_of
from samekind.data.types.reading import READING_ARGUMENTS
from samekind.indexer.storage.fingerprints import file_sha256
from samekind.training.models.encoder import Encoder
from samekind.training.models.image_encoder import ImageEncoder
from samekind.training.models.text_tower import TextTower
from samekind.training.runtime.artefact import (
    ANSWERS,
    FORMAT,
    META,
    METRICS,
    TEXT,
    WEIGHTS,
    check_writable,
    encoder_files,
    read_meta,
    write_atomically,
    write_json,
)
from samekind.training.runtime.lock import exclusive

OUTGROWN_AT = "outgrown_at"
"""Training images from which on a pretrained model would get another whitening; named where it was fitted to fewer."""


def place_encoder(encoder: ImageEncoder, corpus: Corpus, folder: Path, text: TextTower | None = None) -> None:
    """Saves the encoder beside the index that gets its vectors; one that is there already must be the same.

    Args:
        encoder: makes the vectors.
        corpus: what is indexed; `meta.json` names it.
        folder: the artefact.
        text: the text tower, mapped like the encoder, if it has one; that of the artefact which the encoder was loaded from, if left out.

    Raises:
        ArtefactError: the folder holds another encoder or an unfinished training, or cannot be written.
    """
    weights = folder / WEIGHTS
    if weights.is_file():
        if file_sha256(weights) != encoder.fingerprint:
            raise ArtefactError(
                f"{folder} holds another encoder than the one given",
                hint="choose another --out, or give this folder as --encoder",
            )
        return
    to_bytes = getattr(encoder, "to_bytes", None)
    if to_bytes is None:
        raise ArtefactError(f"{folder} holds no {WEIGHTS}", hint="save the encoder there first")
    spec = asdict(encoder.spec) if is_dataclass(encoder.spec) and not isinstance(encoder.spec, type) else {}
    outgrown_at = getattr(encoder, OUTGROWN_AT, None)
    check_no_training(folder)
    write_json(  # before the weights, which are what makes an artefact of the folder
        folder / META,
        {
            "format": FORMAT,
            "encoder": {**spec, "fingerprint": encoder.fingerprint},
            "source": getattr(encoder, "source", ""),
            "config": {},
            "corpus": {
                "name": corpus.name,
                "corpus": corpus.source.get("corpus"),
                "data_dir": corpus.source.get("data_dir"),
                **{name: corpus.source[name] for name in READING_ARGUMENTS if name in corpus.source},
                "content_hash": corpus.content_hash,
                "num_images": len(corpus),
                **choices_of(corpus.source),
            },
            "training": {"finished": True},
            **({} if outgrown_at is None else {OUTGROWN_AT: outgrown_at}),
            **_place_text(text, encoder, folder),
        },
    )
    write_atomically(weights, to_bytes())


def _place_text(text: TextTower | None, encoder: ImageEncoder, folder: Path) -> dict[str, Any]:
    """Saves the text tower, by default that of the artefact which the encoder comes from, and gives what `meta.json` says of it."""
    if text is not None:
        stored = text.to_bytes(encoder.fingerprint)
        write_atomically(folder / TEXT, stored)
        return {"text": {"model": text.spec.model, "fingerprint": hashlib.sha256(stored).hexdigest()}}
    if not isinstance(encoder, Encoder):
        return {}
    inherited = encoder.stored_text()
    if inherited is None:
        return {}
    write_atomically(folder / TEXT, inherited)
    return {"text": encoder.known["text"]}


def copy_encoder(source: Path, folder: Path) -> None:
    """Copies the encoder of one artefact into another folder that has none, with all that is known about its training.

    Raises:
        ArtefactError: the folder cannot be written or holds an unfinished training, or another process is working there.
    """
    check_writable(folder)
    if (folder / WEIGHTS).exists() or source.resolve() == folder.resolve():
        return
    with exclusive(folder):
        check_no_training(folder)
        meta, weights = encoder_files(source)
        files = {
            ANSWERS: source / ANSWERS,
            META: meta,
            METRICS: source / METRICS,
            TEXT: source / TEXT,
            WEIGHTS: weights,
        }
        for name, file in files.items():  # the weights last: they are what makes the copy count
            if file.is_file():
                write_atomically(folder / name, file.read_bytes())


def check_no_training(folder: Path) -> None:
    """Refuses a folder whose `meta.json` belongs to a training that has yet to write its weights."""
    if (folder / META).is_file() and not (read_meta(folder).get("training") or {}).get("finished"):
        raise ArtefactError(
            f"{folder} holds an unfinished training",
            hint="finish it with the same samekind train, or choose another --out",
        )
