"""Fashion-MNIST: 60,000 + 10,000 grey product images of 28 px in ten classes.

They come from the cache, a folder of the user's, the data set's public mirror, or Debian's package, whichever has them first. Every
file is checked by the SHA-256 of its *unpacked* bytes (Debian repacks the gzip files), and the cache holds them unpacked, so that
loading 70,000 images takes well under a second.

Source: Xiao, Rasul, Vollgraf, "Fashion-MNIST", arXiv 1708.07747.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from samekind.core.cache_home import cache_home
from samekind.core.errors import DownloadError
from samekind.core.files import atomic_path
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.sources.debian import unpack_package
from samekind.data.sources.download import fetch
from samekind.data.sources.turns import alone_in
from samekind.data.types.images import Pixels
from samekind.data.types.splits import Split

NAME = "fashion-mnist"
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")
MIRROR = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}

_PREFIX: dict[Split, str] = {"train": "train", "test": "t10k"}
_LAYOUTS = ("", "FashionMNIST/raw", "raw", "fashion-mnist", "FashionMNIST", "usr/share/datasets/fashion-mnist")

Files = dict[str, bytes]


def load(
    data_dir: Path | None = None, progress: Progress | None = None, source: dict[str, Any] | None = None
) -> Corpus:
    """The whole of Fashion-MNIST, downloaded if necessary.

    Raises:
        DownloadError: none of the sources has it.
    """
    files = obtain_files(data_dir, progress)
    images, labels, splits = [], [], []
    for split, prefix in _PREFIX.items():
        images.append(_idx_images(files[f"{prefix}-images-idx3-ubyte"]))
        codes = np.frombuffer(files[f"{prefix}-labels-idx1-ubyte"], dtype=np.uint8, offset=8)
        labels += [CLASSES[code] for code in codes.tolist()]
        splits += [split] * len(codes)
    return Corpus.from_arrays(np.concatenate(images), labels, splits, name=NAME, source=source)


def _idx_images(idx: bytes) -> Pixels:
    count, height, width = np.frombuffer(idx, dtype=">u4", count=3, offset=4).tolist()
    return np.frombuffer(idx, dtype=np.uint8, offset=16).reshape(count, height, width)


def cache_folder() -> Path:
    """Where the unpacked files are kept."""
    return cache_home() / NAME


def obtain_files(data_dir: Path | None, progress: Progress | None = None) -> Files:
    """The four unpacked files by name, from the first source that has them intact; leaves them in the cache.

    Raises:
        DownloadError: a file is in none of the sources; names what each of them said.
    """
    cache = cache_folder()
    files = _intact_files([cache], SHA256, [])
    if len(files) == len(SHA256) and not any((cache / f"{name}.gz").exists() for name in SHA256):
        return files
    with alone_in(cache, "Fashion-MNIST", progress):
        return _obtained(cache, data_dir, progress)


def _obtained(cache: Path, data_dir: Path | None, progress: Progress | None) -> Files:
    files = _intact_files([cache], SHA256, [])
    _unpack(files, cache)
    if len(files) == len(SHA256):
        return files
    sources: list[tuple[str, Callable[[list[str], list[str]], Files]]] = [
        ("mirror", lambda missing, refused: _from_mirror(cache, missing, progress)),
        ("Debian's package", lambda missing, refused: _from_debian(cache, missing, refused, progress)),
    ]
    if data_dir is not None:
        folder = data_dir
        sources.insert(0, (str(folder), lambda missing, refused: _from_folder(folder, missing, refused)))
    complaints: list[str] = []
    for name, get in sources:
        missing = [file for file in SHA256 if file not in files]
        refused: list[str] = []
        try:
            found = get(missing, refused) if missing else {}
        except DownloadError as error:
            found, refused = _intact_files([cache], missing, []), [str(error)]  # what had arrived before the error
        complaints += [f"{name}: {text}" for text in refused]
        _keep(found, cache)
        files |= found
    if len(files) < len(SHA256):
        raise _nowhere(files, complaints)
    return files


def _unpack(files: Files, cache: Path) -> None:
    """Leaves files that were found in the cache there unpacked only: whoever was killed between the two has left the archive, too."""
    _keep({name: content for name, content in files.items() if not (cache / name).is_file()}, cache)
    for name in files:
        if (cache / name).is_file():
            with suppress(OSError):
                (cache / f"{name}.gz").unlink(missing_ok=True)


def _nowhere(files: Files, complaints: list[str]) -> DownloadError:
    missing = [f"{name}.gz" for name in SHA256 if name not in files]
    return DownloadError(
        f"Fashion-MNIST could not be fetched ({'; '.join(complaints)})",
        hint=f"put {', '.join(missing)} (as they are or unpacked) into a folder and pass it as --data-dir, or set SAMEKIND_DATA_DIR",
    )


def _from_folder(folder: Path, missing: list[str], refused: list[str]) -> Files:
    files = _intact_files([folder / layout for layout in _LAYOUTS], missing, refused)
    if not files and not refused:
        refused.append(f"has no {missing[0]}[.gz]" if folder.exists() else "does not exist")
    return files


def _from_mirror(cache: Path, missing: list[str], progress: Progress | None) -> Files:
    (progress or NoProgress()).print("Fetching Fashion-MNIST (30 MB) from its mirror")
    files: Files = {}
    for name in missing:
        packed = cache / f"{name}.gz"
        fetch(MIRROR + packed.name, packed, progress)
        intact = _intact_files([cache], [name], [])
        packed.unlink(missing_ok=True)  # unpacked by now, or damaged and to be fetched afresh
        if not intact:
            raise DownloadError(f"{packed.name} arrived damaged (its SHA-256 differs)")
        _keep(intact, cache)
        files |= intact
    return files


def _from_debian(cache: Path, missing: list[str], refused: list[str], progress: Progress | None) -> Files:
    (progress or NoProgress()).print(f"Fetching Fashion-MNIST (30 MB) from Debian's package {DEBIAN_PACKAGE}")
    work = cache / "debian"
    files = _from_folder(unpack_package(DEBIAN_PACKAGE, work, progress), missing, refused)
    shutil.rmtree(work, ignore_errors=True)
    return files


def _intact_files(folders: Iterable[Path], names: Iterable[str], refused: list[str]) -> Files:
    """Those of the files that lie in one of the folders, plain or gzipped, with the right SHA-256; others are reported in `refused`."""
    files: Files = {}
    candidates = [(name, folder / f"{name}{ending}") for folder in folders for name in names for ending in ("", ".gz")]
    for name, path in candidates:
        if name in files or not path.is_file():
            continue
        try:
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        except (OSError, EOFError, zlib.error) as error:
            refused.append(f"{path.name} cannot be read ({error})")
            continue
        if hashlib.sha256(content).hexdigest() == SHA256[name]:
            files[name] = content
        else:
            refused.append(f"{path.name} is not Fashion-MNIST's (its SHA-256 differs)")
    return files


def _keep(files: Files, cache: Path) -> None:
    """Writes the files into the cache that it lacks, each appearing whole; a cache that cannot be written is no error."""
    for name, content in files.items():
        try:
            if (cache / name).is_file() and (cache / name).read_bytes() == content:
                continue
            cache.mkdir(parents=True, exist_ok=True)
            with atomic_path(cache / name) as temporary:
                temporary.write_bytes(content)
        except OSError:
            return
