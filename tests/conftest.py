"""What holds for every test: no hub, no network but loopback, two threads at most, and a cache folder of its own.

The variables are set before anything is imported, because torch and the hubs read them once.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# Half of the usual examples: the fast suite has 90 seconds. Their time is not judged, since a first call imports what it needs.
settings.register_profile("samekind", max_examples=50, deadline=None)
settings.load_profile("samekind")

# Else an `assert` that a helper makes would fail without its values.
pytest.register_assert_rewrite("tests.end_to_end.helpers", "tests.indexer.builds")

_CACHE = tempfile.TemporaryDirectory(prefix="samekind-tests-")

os.environ.update(
    {
        "HF_HUB_OFFLINE": "1",
        "NO_ALBUMENTATIONS_UPDATE": "1",
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "XDG_CACHE_HOME": _CACHE.name,
    }
)
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, for its reason
os.environ.setdefault("OMP_NUM_THREADS", str(min(2, os.cpu_count() or 1)))
for _name in (
    "SAMEKIND_CACHE_LIMIT",
    "SAMEKIND_DATA_DIR",
    "SAMEKIND_DEBUG",
):  # a developer's own settings must not reach a test
    os.environ.pop(_name, None)

_connect = socket.socket.connect


def _connect_to_loopback(self: socket.socket, address: Any) -> None:
    """Refuses every address but this machine's own: a test that needs the network would pass or fail by luck."""
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = address[0]
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise OSError(f"tests do not reach out, but one tried {host}")
    _connect(self, address)


@pytest.fixture(autouse=True, scope="session")
def _no_signs_of_life() -> Iterator[None]:
    """What a test reads on stderr must not depend on how busy the machine is."""
    patch = pytest.MonkeyPatch()
    patch.setattr("samekind.signs_of_life.FIRST", 3600.0)
    patch.setattr("samekind.signs_of_life.THEN", 3600.0)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", _connect_to_loopback)
    yield
    patch.undo()
    _CACHE.cleanup()
