"""What to write instead of something that names no encoder: a bare model name, a file of weights, a folder of photos."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from samekind.core.errors import ArtefactError, InputError, SamekindError
from samekind.data.decoding.files import EXTENSIONS
from samekind.training.config.model import LITE0, PATCHES, RANDOM, SMALL, names_model
from samekind.training.models.pretrained.checkpoints.checkpoint_file import read_checkpoint
from samekind.training.runtime.artefact import META, SAVED_META, SAVED_WEIGHTS, WEIGHTS, read_meta

EXPECTED = "an artefact's folder, lite0, timm/NAME[@FILE], open_clip/NAME[@TAG|FILE] or hf-hub:ORG/NAME"
_PARTS = (META, WEIGHTS, SAVED_META, SAVED_WEIGHTS)
_LOOKED_AT = 1000  # files of a folder that may be one of images


def require_encoder(name: str | Path) -> None:
    """Refuses what is neither the name of a pretrained model nor a folder that holds an encoder; the weights are not read.

    Raises:
        InputError: it is something else, or nothing; the hint says what to write instead.
        ArtefactError: the folder lacks a part of its encoder, or the file holds no weights.
    """
    text, path = str(name), Path(name)
    if names_model(text):
        return
    if path.is_file():
        raise _file(path)
    if not text or not path.is_dir():
        raise _nothing(text)
    if not any((path / part).is_file() for part in _PARTS) and _holds_images(path):
        raise InputError(
            f"{text} is a folder of images and holds no encoder",
            hint=f"images are given as --corpus; an encoder is {EXPECTED}",
        )
    read_meta(path)


def _file(path: Path) -> SamekindError:
    if path.name == WEIGHTS:
        return InputError(f"{path} is a part of an artefact", hint=f"name its folder: {path.parent}")
    if path.stat().st_size == 0:
        return ArtefactError(f"{path} is empty", hint=f"expected {EXPECTED}")
    try:
        read_checkpoint(path)
    except SamekindError as error:
        return type(error)(str(error), hint=f"expected {EXPECTED}")
    return InputError(
        f"{path} holds weights, but not of which architecture",
        hint=f"name it before the file: timm/NAME@{path} or open_clip/NAME@{path}",
    )


def _nothing(name: str) -> InputError:
    if name in (SMALL, PATCHES) or name.endswith(RANDOM):
        return InputError(
            f"{name} is an architecture that has yet to be trained",
            hint=f"train it: samekind train --backbone {name}, or take lite0",
        )
    known = _known_as(name)
    if known:
        return InputError(f"there is no encoder {name!r}", hint=f"write {' or '.join(known)}")
    return InputError(f"there is no encoder {name!r}", hint=f"expected {EXPECTED}")


def _known_as(name: str) -> list[str]:
    """Names of pretrained models that may be meant."""
    if not name or os.sep in name:
        return []
    import open_clip
    import timm

    found = [f"timm/{name}"] if timm.is_model(name) else []
    found += [f"open_clip/{name}"] if name in open_clip.list_models() else []
    return found or difflib.get_close_matches(name.lower(), [LITE0])


def _holds_images(folder: Path) -> bool:
    seen = 0
    for _, _, files in os.walk(folder):
        if any(Path(file).suffix.lower() in EXTENSIONS for file in files):
            return True
        seen += len(files)
        if seen > _LOOKED_AT:
            return False
    return False
