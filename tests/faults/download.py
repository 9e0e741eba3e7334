"""A download that can be killed: Fashion-MNIST's way, from a server on this machine."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import ClassVar

import numpy as np

from tests.faults.folders import sha256, use_cache

_STAND_IN_IMAGES = 600


class Download:
    """Fashion-MNIST's way, with small stand-ins for its files and a server on this machine."""

    address: ClassVar[str] = ""

    @staticmethod
    def contents() -> dict[str, bytes]:
        """The four unpacked files by name."""
        from samekind.data.sources.fashion_mnist import SHA256

        random, made = np.random.default_rng(0), {}
        for name in SHA256:
            count = _STAND_IN_IMAGES if name.startswith("train") else _STAND_IN_IMAGES // 4
            if "labels" in name:
                made[name] = np.array([2049, count], ">u4").tobytes() + bytes(i % 10 for i in range(count))
            else:
                pixels = random.integers(0, 256, count * 784, dtype=np.uint8)
                made[name] = np.array([2051, count, 28, 28], ">u4").tobytes() + pixels.tobytes()
        return made

    @classmethod
    def served(cls) -> dict[str, bytes]:
        """The files as the mirror has them."""
        return {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in cls.contents().items()}

    @classmethod
    def work(cls, folder: Path) -> None:
        """Loads the corpus, which fetches it first."""
        from samekind.core.errors import DownloadError
        from samekind.data.sources import fashion_mnist
        from samekind.data.sources.registry import load_corpus

        def no_debian(*args: object) -> Path:
            raise DownloadError("only the mirror is tried")

        use_cache(folder)
        fashion_mnist.MIRROR = cls.address
        fashion_mnist.SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in cls.contents().items()}
        vars(fashion_mnist)["unpack_package"] = no_debian
        load_corpus("fashion-mnist")

    @staticmethod
    def outcome(folder: Path) -> dict[str, str]:
        """The files that lie there."""
        return {path.name: sha256(path) for path in sorted((folder / "cache").rglob("*")) if path.is_file()}
