"""CIFAR-10: 50,000 + 10,000 colour images of 32 px, from files that are already on disk.

Two forms are read: the official `cifar-10-batches-py` (as torchvision leaves it) and an `.npz` pack (see `data.sources.packs`). It is never
downloaded: its only public host is slow, and the project needs no network for its own data sets. The official files are pickles, so
they are read by an unpickler that builds arrays and plain containers and refuses everything else.

Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from samekind.core.errors import CorpusError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.sources.packs import is_pack, pack_classes, read_pack
from samekind.data.types.splits import Split

NAME = "cifar10"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDER = "cifar-10-batches-py"

_BATCHES: dict[Split, tuple[str, ...]] = {
    "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test": ("test_batch",),
}
_HINT = (
    f"pass --data-dir (or set SAMEKIND_DATA_DIR to) a folder that holds {FOLDER}/ with data_batch_1 to data_batch_5 and test_batch, "
    "or an .npz pack of CIFAR-10"
)


def load(
    data_dir: Path | None = None, progress: Progress | None = None, source: dict[str, Any] | None = None
) -> Corpus:
    """CIFAR-10 from `data_dir`: the batches, a folder around them, a pack, or a folder around one.

    Raises:
        CorpusError: it is not there, or a file is damaged.
    """
    if data_dir is None:
        raise CorpusError("CIFAR-10 is not downloaded, and no data folder is given", hint=_HINT)
    for folder in (data_dir, data_dir / FOLDER, data_dir / "cifar10" / FOLDER, data_dir / NAME):
        if all((folder / name).is_file() for names in _BATCHES.values() for name in names):
            return _from_batches(folder, source)
    for path in _packs(data_dir):
        return read_pack(path, NAME, source, progress)
    what = "holds no CIFAR-10" if data_dir.exists() else "does not exist"
    raise CorpusError(f"the data folder {data_dir} {what}", hint=_HINT)


def _packs(data_dir: Path) -> list[Path]:
    """Packs of these ten classes: the file itself, or those in the folder and one level below."""
    found = [data_dir] if data_dir.is_file() else sorted({*data_dir.glob("*.npz"), *data_dir.glob("*/*.npz")})
    return [path for path in found if is_pack(path) and pack_classes(path) == CLASSES]


def _from_batches(folder: Path, source: dict[str, Any] | None) -> Corpus:
    images: list[Any] = []
    labels: list[str] = []
    splits: list[Split] = []
    for split, names in _BATCHES.items():
        for name in names:
            batch = _read_batch(folder / name)
            codes = [int(code) for code in batch["labels"]]
            images.append(
                np.asarray(batch["data"], dtype=np.uint8).reshape(len(codes), 3, 32, 32).transpose(0, 2, 3, 1)
            )
            labels += [CLASSES[code] for code in codes]
            splits += [split] * len(codes)
    return Corpus.from_arrays(np.ascontiguousarray(np.concatenate(images)), labels, splits, name=NAME, source=source)


class _ArraysOnly(pickle.Unpickler):
    """Builds NumPy arrays, lists, dicts, numbers and strings; any other name in the stream is refused before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _empty_array
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if module == "_codecs" and name == "encode":
            return _latin1
        raise pickle.UnpicklingError(f"refused to load {module}.{name}")


def _empty_array(kind: type[Any], shape: tuple[int, ...], code: bytes | str) -> Any:
    """Stands for `numpy.core.multiarray._reconstruct`; the state that follows fills it."""
    return np.ndarray.__new__(np.ndarray, shape, code if isinstance(code, str) else code.decode())


def _latin1(text: str, encoding: str) -> bytes:
    return text.encode("latin1")


def _read_batch(path: Path) -> dict[str, Any]:
    try:
        batch = _ArraysOnly(io.BytesIO(path.read_bytes()), encoding="latin1").load()
        if not {"data", "labels"} <= set(batch):
            raise pickle.UnpicklingError("has no 'data' and 'labels'")
    except Exception as error:  # a damaged pickle fails in any way it likes
        raise CorpusError(f"{path} is not a CIFAR-10 batch ({error})", hint=_HINT) from error
    return dict(batch)
