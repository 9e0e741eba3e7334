"""The one door to LanceDB. It is imported when a table is opened and not before: that takes a second, and a plain search does without."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

_CLIENT = "lance_namespace_urllib3_client"


def open_database(folder: Path) -> Any:
    """LanceDB's connection to the tables of an artefact; they need not be there yet.

    Args:
        folder: the artefact.
    """
    return _connect(str(folder / "db"))


def database_in_memory() -> Any:
    """A database that is on no disk and goes with whoever holds it."""
    return _connect("memory://")


def open_published(place: str, options: dict[str, str]) -> Any:
    """LanceDB's connection to a folder of tables, or to an address such as `s3://bucket/photos`.

    Args:
        place: folder or address.
        options: of the object store.
    """
    return _connect(place, storage_options=options)


def _connect(place: str, **options: Any) -> Any:
    _put_off_the_client()
    import lancedb

    # A training reads verdicts and then forks workers, which never touch LanceDB. Its warning about forks would stand in every such log.
    warnings.filterwarnings("ignore", message="lancedb fork support", category=RuntimeWarning)
    return lancedb.connect(place, **options)


def _put_off_the_client() -> None:
    """Lets LanceDB import the models of a client for remote servers without that client itself, which is four tenths of its import.

    The package is entered as an empty one with its real path, so that its modules are found; whoever asks for anything of its own gets it,
    loaded then.
    """
    spec = None if _CLIENT in sys.modules else find_spec(_CLIENT)
    if spec is None or spec.loader is None:
        return
    package, loader = module_from_spec(spec), spec.loader

    def load(name: str) -> Any:
        if "__getattr__" in vars(package):
            del vars(package)["__getattr__"]
            loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = load
    sys.modules[_CLIENT] = package
