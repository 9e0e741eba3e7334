"""Ray, started on this machine for one build, or joined where it runs.

One that is started is ours alone: its servers listen on the loopback interface and want a token that only this process and its children
know, nothing is reported to Ray's makers, and its files lie in a temporary folder that goes with it.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from samekind.core.cores import usable_cores
from samekind.core.errors import MissingDependencyError, ServiceError
from samekind.core.progress import Progress
from samekind.core.text import counted

ADDRESS = "RAY_ADDRESS"
"""Variable that names a cluster, for all of Ray's programs."""
_ROOM = 256 << 20
"""Bytes of the store in which workers leave their results: 512 images take 8 MB, and two pieces a worker are under way."""
_PATIENCE = 5.0
"""Seconds in which a cluster answers."""
_LONGEST = 40
"""Characters of a temporary folder in which Ray's sockets find room: their paths end at 107."""


def require_ray() -> None:
    """Checks that Ray can be imported.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if find_spec("ray") is None:
        raise MissingDependencyError("Ray is not installed", hint="pip install 'samekind[scale]'")


def address_of_ray(address: str | None) -> str | None:
    """The address that was asked for, otherwise the environment's; none for a cluster of this machine.

    Raises:
        ServiceError: nothing answers there. (Ray itself would go on trying for minutes.)
    """
    place = address or os.environ.get(ADDRESS) or "local"
    host, _, port = place.rpartition(":")
    if host and port.isdecimal() and "//" not in host:
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        except OSError as error:
            raise _no_cluster(place, error) from error
    return None if place == "local" else place


def imported_ray(address: str | None) -> Any:
    """The module. Without an address it is told to stay on the loopback interface, which it takes note of when it is first imported."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # that is its name; Linux heeds it as well
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    return ray


@contextmanager
def running_ray(address: str | None, largest: int, progress: Progress) -> Iterator[Any]:
    """The module `ray`, connected.

    Args:
        address: of a cluster, as Ray writes it; without one a cluster of this machine is started, which ends with the block.
        largest: bytes of the largest object that is going to be shared.
        progress: is told how many workers there are.

    Raises:
        ServiceError: there is no cluster at the address.
    """
    ray = imported_ray(address)
    if ray.is_initialized():  # the caller's own, in Python
        _say(ray, progress)
        yield ray
        return
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    with _temporary_folder() as folder, _ended_in_order() as take_over:
        try:
            if address is not None:
                _join(ray, address, quiet)
            else:
                ray.init(
                    address="local",
                    num_cpus=usable_cores(),
                    num_gpus=0,
                    object_store_memory=_ROOM + 2 * largest,
                    include_dashboard=False,
                    _temp_dir=folder,
                    _node_ip_address="127.0.0.1",
                    **quiet,
                )
            take_over()
            _say(ray, progress)
            yield ray
        finally:
            ray.shutdown()


def _join(ray: Any, address: str, quiet: dict[str, Any]) -> None:
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> ServiceError:
    return ServiceError(
        f"there is no Ray cluster at {address}: {error}",
        hint=f"start one (ray start --head), or leave out --ray-address and {ADDRESS} for one of this machine",
    )


def _say(ray: Any, progress: Progress) -> None:
    machines = sum(node["Alive"] for node in ray.nodes())
    where = "on this machine" if machines == 1 else f"on {machines:,} machines"
    progress.print(f"Ray looks at the images: {counted(workers(ray), 'worker')} {where}")


def workers(ray: Any) -> int:
    """Workers of one core each that the cluster has now."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


@contextmanager
def _ended_in_order() -> Iterator[Callable[[], object]]:
    """Gives what makes SIGTERM an interruption like Ctrl-C. Ray's own handler, which comes with its start, aborts with a stack trace."""
    if threading.current_thread() is not threading.main_thread():  # which alone may ask for signals
        yield lambda: None
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield partial(signal.signal, signal.SIGTERM, signal.default_int_handler)
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)  # none: not Python's


@contextmanager
def _temporary_folder() -> Iterator[str]:
    short = len(tempfile.gettempdir()) + len("/samekind-12345678") <= _LONGEST
    folder = tempfile.mkdtemp(prefix="samekind-", dir=None if short else "/tmp")  # noqa: S108 - a name that nobody can guess
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
