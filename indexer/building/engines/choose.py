"""Engines by name."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.indexer.building.engines.engine import Engine, LocalEngine

ENGINES = ("local", "ray")


def engine_named(name: str, ray_address: str | None, progress: Progress | None) -> AbstractContextManager[Engine]:
    """The engine of that name, for a `with` block.

    Args:
        name: one of `ENGINES`.
        ray_address: of a Ray cluster; see `RayEngine`.
        progress: is told how many workers Ray has.

    Raises:
        InputError: there is no such engine, or it needs no address.
        MissingDependencyError: Ray is not installed.
    """
    if name not in ENGINES:
        raise InputError(f"unknown engine {name!r}", hint=f"engines are {', '.join(ENGINES)}")
    if name == "ray":
        from samekind.indexer.building.engines.ray_engine import RayEngine

        return RayEngine(ray_address, progress or NoProgress())
    if ray_address is not None:
        raise InputError(f"the engine {name} takes no address of Ray, got {ray_address!r}", hint="engine ray does")
    return nullcontext(LocalEngine())
