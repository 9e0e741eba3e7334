"""What people's answers have made of the space of an index: `adaptation.safetensors`.

It is a linear map, of images and queries alike, and the groups of images that were called the same. Each of their images is pulled
towards the centre of its group, and so is everything else as far as it probably belongs to one. The table and `index.faiss` keep the
encoder's vectors; the FAISS file of the adapted ones lies beside them. What describes that file, and the state of the table that it was
made from, stand in the header: whoever replaces `adaptation.safetensors`, by one rename, goes from one whole state to another, and the
manifest knows nothing of it.

What computes with torch imports it there: to open an index, and to search it by one of its own images, needs none of its seconds.

Those that were replaced lie in `adaptations/` by their number, so that the last step can be undone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.layout import ADAPTATION, EARLIER_ADAPTATIONS
from samekind.indexer.storage.remedies import undo_hint
from samekind.training.answers.belonging import belonging
from samekind.training.runtime.artefact import SEAL, write_atomically

# N vectors, B of them in a block, D dimension, G groups, R images in groups

FORMAT = 4
MOST_KEPT = 100
"""Adaptations that are set aside: the demo makes one a screen, and each is a quarter of a megabyte at 256 dimensions."""
_ARRAYS = ("map_DD", "centre_GD", "member_R32", "group_R")


@dataclass(frozen=True)
class AdaptedFile:
    """The FAISS file of the adapted vectors.

    Attributes:
        name: in the artefact's folder.
        size: in bytes.
        sha256: of its content.
        sample: of its content, see `fingerprints`.
        index_type: FAISS' name for it.
        ann_recall: overlap with exact search, measured when it was made.
        state: of the index that it was made from, see `Manifest.state`.
    """

    name: str
    size: int
    sha256: str
    sample: str
    index_type: str
    ann_recall: float
    state: tuple[str, int, str]


@dataclass(frozen=True)
class Adaptation:
    """A map of the vectors of one encoder, and the images that belong together.

    Attributes:
        version: 1 for the first of an artefact, and so on; no number is given twice.
        encoder: fingerprint of the encoder whose vectors it maps.
        map_DD: `(D, D)` float32, symmetric.
        centre_GD: `(G, D)` float32 of unit norm, where the images of each group lie after the map.
        member_R32: `(R, 32)` uint8, SHA-256 of each image in a group.
        group_R: `(R,)` int64, its group.
        made: ISO 8601 time.
        figures: what it was made from and what held-out answers said of it, ready for JSON.
        before: version of the one that it took the place of; `None` if there was none.
        pull: how far what surely belongs to a group, though nobody said so, goes to its centre, from 0 to 1.
        own_pull: how far an image of a group goes to its centre; before format 3 both were 0.5.
        slope: β > 0, how fast the odds of belonging to a group rise with the cosine to its centre; 0: only the groups' images are pulled.
        threshold: θ, the cosine at which belonging to a group is as likely as belonging to none.
        neighbours: to the mean of how many nearest images vectors lean before they are mapped; 0, as before format 4: they do not.
        lean: share of the way to that mean.
        file: the FAISS file that it is searched by; `None` for one that was replaced.
    """

    version: int
    encoder: str
    map_DD: NDArray[np.float32]
    centre_GD: NDArray[np.float32]
    member_R32: NDArray[np.uint8]
    group_R: NDArray[np.int64]
    made: str
    figures: dict[str, Any]
    before: int | None = None
    pull: float = 0.5
    own_pull: float = 0.5
    slope: float = 0.0
    threshold: float = 0.0
    neighbours: int = 0
    lean: float = 0.0
    file: AdaptedFile | None = None

    def __call__(self, vectors_ND: NDArray[np.float32]) -> NDArray[np.float32]:
        """Maps unit vectors of the encoder, `(N, D)` float32, that lean already, and pulls each as far as it belongs to groups.

        Returns:
            `(N, D)` float32 of unit norm; for equal vectors equal ones, whatever stands beside them.
        """
        from samekind.training.answers.pulling import pulled

        if not self.slope or not len(self.centre_GD):
            return self.mapped(vectors_ND)
        return pulled(vectors_ND, self._map_DD, self._centre_GD, self.pull, self.slope, self.threshold)

    def mapped(self, vectors_ND: NDArray[np.float32]) -> NDArray[np.float32]:
        """Only maps unit vectors, `(N, D)` float32, to unit vectors."""
        from samekind.training.answers.metric import mapped

        return mapped(vectors_ND, self._map_DD)

    def gathered(self, mapped_ND: NDArray[np.float32], group_N: NDArray[np.int64]) -> NDArray[np.float32]:
        """Pulls mapped vectors of images towards the centres of the groups that they are in.

        Args:
            mapped_ND: `(N, D)` float32 of unit norm.
            group_N: `(N,)` the group of each.

        Returns:
            `(N, D)` float32 of unit norm.
        """
        from samekind.training.answers.metric import unit_rows

        pulled_ND = (1.0 - self.own_pull) * mapped_ND.astype(np.float64) + self.own_pull * self.centre_GD[group_N]
        return unit_rows(pulled_ND).astype(np.float32)

    def belonging(self, mapped_ND: NDArray[np.float32]) -> NDArray[np.float64]:
        """How probably mapped vectors belong to each group: `(N, G)`."""
        from samekind.training.answers.metric import product

        cosine_NG = product(mapped_ND.astype(np.float64), self._centre_GD.T)
        return belonging(cosine_NG, self.slope, self.threshold)

    @cached_property
    def _map_DD(self) -> NDArray[np.float64]:
        """In double precision, which many small calls would make again and again."""
        return self.map_DD.astype(np.float64)

    @cached_property
    def _centre_GD(self) -> NDArray[np.float64]:
        """In double precision, likewise."""
        return self.centre_GD.astype(np.float64)

    @cached_property
    def groups(self) -> dict[str, int]:
        """The group of each image that is in one, by its SHA-256."""
        return {bytes(member).hex(): int(group) for member, group in zip(self.member_R32, self.group_R, strict=True)}

    def write(self, path: Path) -> None:
        """Writes the file, atomically.

        Raises:
            ArtefactError: it cannot be written.
        """
        from safetensors.numpy import save

        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: np.ascontiguousarray(values.pop(name)) for name in _ARRAYS}
        file = None if self.file is None else asdict(self.file)
        header = {**values, "format": FORMAT, "file": file}
        sealed = json.dumps({**header, SEAL: _seal(header, arrays)}, allow_nan=False)
        write_atomically(path, save(arrays, {"adaptation": sealed}))

    @classmethod
    def read(cls, path: Path) -> Adaptation:
        """Reads a file.

        Raises:
            ArtefactError: it is damaged, or a newer samekind wrote it.
        """
        with _stored(path) as (header, stored):
            arrays = {name: stored.get_tensor(name) for name in _ARRAYS}
            seal = header.pop(SEAL, None)
            if seal not in (None, _seal(header, arrays)):
                raise ValueError("its content is not what was written")
            _, file = header.pop("format"), header.pop("file")
            if file is not None:
                file = AdaptedFile(**{**file, "state": tuple(file["state"])})
            return cls(**arrays, file=file, **header)


def _seal(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> str:
    """SHA-256 of all that the file holds."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in _ARRAYS:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


@contextmanager
def _stored(path: Path) -> Iterator[tuple[dict[str, Any], Any]]:
    """The header of a file, and the file, whose arrays are read when they are asked for.

    Raises:
        ArtefactError: it is damaged, or a newer samekind wrote it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as stored:
            header = json.loads((stored.metadata() or {})["adaptation"])
            version = header["format"]
            if version > FORMAT:
                raise ArtefactError(
                    f"{path} has format {version}, this samekind reads up to {FORMAT}", hint="upgrade samekind"
                )
            yield header, stored
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"{path} is damaged", hint=undo_hint(path.parent)) from error


def current_adaptation(folder: Path) -> Adaptation | None:
    """The adaptation of an artefact, if it has one.

    Raises:
        ArtefactError: its file is damaged.
    """
    path = folder / ADAPTATION
    return Adaptation.read(path) if path.is_file() else None


def adapted_files(folder: Path) -> list[Path]:
    """The FAISS files of adapted vectors that lie in an artefact: one at most, unless a process was killed."""
    return sorted(folder.glob("adapted-*.faiss"))


def steps(folder: Path) -> list[dict[str, Any]]:
    """The adaptation in force and those that it took the place of, the first one first, as far as they are kept; no map is read.

    Returns:
        For each its `version`, when it was `made`, its figures, and how many `images` are in its groups.

    Raises:
        ArtefactError: a file is damaged.
    """
    found: list[dict[str, Any]] = []
    path = folder / ADAPTATION
    while path.is_file():
        with _stored(path) as (header, stored):
            images, _ = stored.get_slice("member_R32").get_shape()
            found.append({"version": header["version"], "made": header["made"], **header["figures"], "images": images})
            before = header["before"]
        if before is None:
            break
        path = _place(folder, before)
    return found[::-1]


def set_aside(folder: Path, adaptation: Adaptation) -> None:
    """Keeps an adaptation that is about to be replaced or taken back, without its FAISS file, and forgets the oldest of many.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    try:
        (folder / EARLIER_ADAPTATIONS).mkdir(exist_ok=True)
    except OSError as error:
        raise ArtefactError(
            f"cannot write to {folder}: {error.strerror}", hint="check permissions and free space"
        ) from error
    replace(adaptation, file=None).write(_place(folder, adaptation.version))
    for version in sorted(_versions(folder))[:-MOST_KEPT]:
        _place(folder, version).unlink(missing_ok=True)


def earlier_adaptation(folder: Path, adaptation: Adaptation) -> Adaptation | None:
    """The one whose place an adaptation took; `None` if there was none, or it is not kept any more.

    Raises:
        ArtefactError: its file is damaged.
    """
    if adaptation.before is None or not _place(folder, adaptation.before).is_file():
        return None
    return Adaptation.read(_place(folder, adaptation.before))


def next_version(folder: Path, current: Adaptation | None) -> int:
    """A number that no adaptation of the artefact has had."""
    return 1 + max([*_versions(folder), 0 if current is None else current.version])


def _versions(folder: Path) -> list[int]:
    found = (folder / EARLIER_ADAPTATIONS).glob("*.safetensors")
    return [int(path.stem) for path in found if path.stem.isdecimal()]


def _place(folder: Path, version: int) -> Path:
    return folder / EARLIER_ADAPTATIONS / f"{version}.safetensors"
