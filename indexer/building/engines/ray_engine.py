"""Ray's workers look at the images, one core each; the build takes what they give in the order of the plan, and alone writes.

A task is what goes through the encoder together. One whose worker is gone is given to another, three times; what a worker has given is not
asked for again. Tasks hold the places of files, not their bytes: every machine of a cluster has to see the folder under the same path, or
else to reach the object store that it is a copy of.
"""

from __future__ import annotations

import pickle
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from types import TracebackType
from typing import Any, Self

import numpy as np

from samekind.core.errors import InputError, ServiceError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.images import Pixels
from samekind.data.types.rows import StackedRows
from samekind.indexer.building.engines.engine import Loaded, Remembering, load_image, recalled
from samekind.indexer.building.engines.ray_cluster import (
    address_of_ray,
    imported_ray,
    require_ray,
    running_ray,
    workers,
)
from samekind.training.models.image_encoder import ImageEncoder

RETRIES = 3
"""Times that a task whose worker is gone is given to another."""
_AHEAD = 2  # tasks a worker that are under way
_LACKING = re.compile(r"No module named '[^']*'|cannot import name '[^']*'|failed to import on the worker")
_NO_PIXELS: Pixels = np.empty(0, np.uint8)


class RayEngine:
    """Looks at images by Ray's workers. Ray runs from the first image that is to be looked at until the `with` block ends.

    Args:
        address: of a cluster; left out, that of the environment's `RAY_ADDRESS`, or one of this machine that is started.
        progress: is told how many workers there are.

    Raises:
        MissingDependencyError: Ray is not installed.
    """

    def __init__(self, address: str | None, progress: Progress) -> None:
        require_ray()
        self._address, self._progress = address_of_ray(address), progress
        self._stack = ExitStack()
        self._ray: Any = None
        self._shared: tuple[Any, Any] = None, None  # an encoder, and where workers find it

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray = None  # an error may keep what is under way for longer, and Ray would start again to cancel it
        self._stack.close()

    def look_at(
        self, corpus: Corpus, encoder: ImageEncoder, rows: Sequence[int], at_once: int, *, recall: bool
    ) -> Iterator[list[Loaded]]:
        """As an `Engine` does; what it yields has features or vectors.

        Raises:
            InputError: a worker cannot read a file that this process can.
            ServiceError: a task's workers are gone again and again, or the cluster is.
        """
        remembers = isinstance(encoder, Remembering)
        working = encoder.encoder if isinstance(encoder, Remembering) else encoder
        parts = deque(rows[start : start + at_once] for start in range(0, len(rows), at_once))
        ahead: deque[tuple[Sequence[int], dict[int, Loaded], Any]] = deque()
        try:
            while parts or ahead:
                while parts and len(ahead) < self._most():
                    part = parts.popleft()
                    known = {row: recalled(corpus, encoder, row) for row in part} if recall else {}
                    seen = {row: image for row, image in known.items() if image is not None}
                    new = [row for row in part if row not in seen]
                    task = self._task(corpus, working, new, remembers) if new else None
                    ahead.append((part, seen, task))
                part, seen, task = ahead.popleft()
                fresh = iter(self._result(corpus, encoder, part, task))
                yield [seen.get(row) or self._checked(corpus, encoder, row, next(fresh)) for row in part]
        finally:
            for _, _, task in ahead:  # of a cluster that goes on without us
                if task is not None and self._ray is not None:
                    with suppress(
                        Exception
                    ):  # a cluster that is gone has nothing to cancel, and its error is told already
                        self._ray.cancel(task)

    def _most(self) -> int:
        """Tasks under way; machines may come and go."""
        if self._ray is None:
            return 1
        with _cluster_that_answers():
            return _AHEAD * workers(self._ray)

    def _task(self, corpus: Corpus, encoder: Any, rows: Sequence[int], features: bool) -> Any:
        """Has a worker look at these rows; returns where its answer will be."""
        if self._shared[0] is not encoder:
            packed = imported_ray(self._address).cloudpickle.dumps(encoder)
            if self._ray is None:
                self._ray = self._stack.enter_context(running_ray(self._address, len(packed), self._progress))
            with _cluster_that_answers():
                self._shared = encoder, self._ray.put(packed)
        images = replace(corpus.subset(rows), skipped=(), notes=(), source={})
        with _cluster_that_answers():
            look = self._ray.remote(look_at_images).options(num_cpus=1, max_retries=RETRIES)
            return look.remote([self._shared[1]], images, features, _version())  # in a list: handed through as it is

    def _result(self, corpus: Corpus, encoder: ImageEncoder, part: Sequence[int], task: Any) -> list[Loaded]:
        if task is None:
            return []
        from ray.exceptions import RayError, RayTaskError

        try:
            looked_at: list[Loaded] = self._ray.get(task)
        except RayTaskError as error:
            raise self._raised(error) from error
        except RayError as error:
            first, last = corpus.uri(part[0]), corpus.uri(part[-1])
            raise ServiceError(
                f"Ray lost the workers that looked at {first} … {last}, {RETRIES + 1} times: {type(error).__name__}",
                hint="the same command continues; workers without memory want a smaller model, or fewer cores",
            ) from error
        return looked_at

    @staticmethod
    def _raised(error: Any) -> BaseException:
        """What a worker raised, as it would have been raised here; or that it has not what this needs."""
        cause: BaseException = error.cause
        lacking = _LACKING.search(str(cause))  # Ray has its own errors for a task that cannot even be read there
        if isinstance(cause, ImportError) or lacking is not None:
            return ServiceError(
                f"a worker cannot import what it needs: {lacking.group() if lacking is not None else cause}",
                hint="install the same samekind, with the same extras, on every machine of the cluster",
            )
        return cause

    def _checked(self, corpus: Corpus, encoder: ImageEncoder, row: int, image: Loaded) -> Loaded:
        """The image; one that only the worker cannot read would be left out of the index in silence."""
        if image.failure and not load_image(corpus, encoder.spec, row).failure:
            raise InputError(
                f"a worker cannot read {corpus.uri(row)}, which this machine can: {image.failure}",
                hint="put the folder on a disk that every machine of the cluster sees under this path",
            )
        return image


@contextmanager
def _cluster_that_answers() -> Iterator[None]:
    """Says in one line that the cluster went away while it was asked for something."""
    from ray.exceptions import RayError

    try:
        yield
    except (ConnectionError, RayError) as error:
        raise ServiceError(
            f"the Ray cluster does not answer any more: {type(error).__name__}",
            hint="the same command continues once it runs again",
        ) from error


def look_at_images(packed: Sequence[Any], images: Corpus, features: bool, version: str) -> list[Loaded]:
    """Looks at all images of a corpus, in a worker.

    Args:
        packed: where the encoder is.
        images: the corpus.
        features: give features and not vectors.
        version: of samekind, that the build has.

    Raises:
        ServiceError: the worker has another version.
    """
    if version != _version():
        raise ServiceError(
            f"a worker has samekind {_version()}, this machine {version}", hint="install the same on every machine"
        )
    encoder = _unpacked(packed[0])
    looked_at = [load_image(images, encoder.spec, row) for row in range(len(images))]
    good = [place for place, image in enumerate(looked_at) if not image.failure]
    if good:
        pixels = [looked_at[place].pixels for place in good]
        made = encoder.features(StackedRows(pixels)) if features else encoder.embed(np.stack(pixels))
        for place, row in zip(good, made, strict=True):
            value = {"feature" if features else "vector": row}
            looked_at[place] = replace(looked_at[place], pixels=_NO_PIXELS, **value)
    return looked_at


@lru_cache(maxsize=1)
def _unpacked(reference: Any) -> Any:
    """The encoder, once for all tasks of a worker: it has one core."""
    import ray
    import torch

    torch.set_num_threads(1)
    return pickle.loads(ray.get(reference))  # noqa: S301 - from the process that this worker works for


def _version() -> str:
    import samekind

    return samekind.__version__
