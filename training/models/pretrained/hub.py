"""Files of models on this machine, or from the hub if it answers within seconds.

The libraries' own ways of downloading retry for minutes, so the hub is asked once, shortly, before they are let loose.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from samekind.core.errors import MissingDependencyError

PATIENCE = 3.0
"""Seconds in which the hub has to answer."""


def fetched(repository: str, files: Sequence[str]) -> Path | None:
    """The first of some files of a repository that is in the cache of `huggingface_hub`, or that the hub sends; None if none is.

    Args:
        repository: `ORG/NAME`, perhaps with `@REVISION`.
        files: names in it, the preferred one first.
    """
    return cached(repository, files) or _downloaded(repository, files)


def cached(repository: str, files: Sequence[str]) -> Path | None:
    """The first of some files of a repository that is in the cache of `huggingface_hub`."""
    from huggingface_hub import try_to_load_from_cache

    name, _, revision = repository.partition("@")
    for file in files:
        path = try_to_load_from_cache(name, file, revision=revision or None)
        if isinstance(path, str):
            return Path(path)
    return None


def is_offline() -> bool:
    """True if the user has said that the hub must not be asked (`HF_HUB_OFFLINE`)."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def silence() -> str:
    """Why the hub brought nothing, for an error."""
    return "HF_HUB_OFFLINE is set" if is_offline() else "the hub does not send them"


def answers(url: str) -> bool:
    """True if there is something at an address, asked once and shortly."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PATIENCE):  # noqa: S310 - hosts of the hubs
            return True
    except (OSError, ValueError):
        return False


def _downloaded(repository: str, files: Sequence[str]) -> Path | None:
    from huggingface_hub import hf_hub_download, hf_hub_url

    name, _, revision = repository.partition("@")
    if is_offline():
        return None
    for file in files:
        if answers(hf_hub_url(name, file, revision=revision or None)):
            try:
                return Path(hf_hub_download(name, file, revision=revision or None, etag_timeout=PATIENCE))
            except (
                Exception
            ) as error:  # whatever the hub's client raises of a broken connection, a full disk, a gated model
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise MissingDependencyError(f"{repository} could not be fetched: {reason}") from error
    return None


def fetched_from(url: str, folder: Path) -> Path | None:
    """A file by its address: from the folder in which a library caches it, or downloaded into that; None if neither works."""
    import torch

    path = folder / url.rpartition("/")[2]
    if path.is_file():
        return path
    if is_offline() or not answers(url):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(path), progress=False)
    except (OSError, RuntimeError) as error:
        raise MissingDependencyError(f"{url} could not be fetched: {error}") from error
    return path
