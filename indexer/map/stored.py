"""`map.safetensors`: where each image lies, and of which state of the index and of its adaptation that is true.

The header ties it to the table and the space that it was made from, as an adaptation is tied: a map of anything else is stale, and is
remade when somebody wants to see it. Nothing but the page *Map* reads it.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.layout import MAP
from samekind.training.runtime.artefact import SEAL, write_atomically

FORMAT = 1
NEIGHBOURS = 10
"""What the figures of a map look at."""


@dataclass(frozen=True)
class ImageMap:
    """All images of an index in two dimensions, laid out without labels.

    Attributes:
        point_N2: `(N, 2)` float32 in table order, centred; distances have no unit.
        state: of the index that it was made from, see `Manifest.state`.
        adaptation: `[version, made]` of the adaptation whose space it shows; `None` for the encoder's own.
        seed: of the layout.
        trustworthiness: for `compared` neighbours, in [0, 1]; `None` for fewer than four images.
        neighbours_kept: share of the `compared` nearest neighbours that are so on the map, too; `None` likewise.
        made: ISO 8601 time.
    """

    point_N2: NDArray[np.float32]
    state: tuple[str, int, str]
    adaptation: tuple[int, str] | None
    seed: int
    trustworthiness: float | None
    neighbours_kept: float | None
    made: str

    @property
    def compared(self) -> int:
        """Nearest neighbours of each image that the two figures look at: ten, fewer for fewer than 16 images."""
        return compared_neighbours(len(self.point_N2))

    def write(self, folder: Path) -> None:
        """Writes the file into an artefact, atomically.

        Raises:
            ArtefactError: it cannot be written.
        """
        from safetensors.numpy import save

        header = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "point_N2"}
        header = json.loads(json.dumps({**header, "format": FORMAT}))
        sealed = json.dumps({**header, SEAL: _seal(header, self.point_N2)}, allow_nan=False)
        write_atomically(folder / MAP, save({"point_N2": np.ascontiguousarray(self.point_N2)}, {"map": sealed}))

    @classmethod
    def read(cls, folder: Path) -> ImageMap:
        """Reads the file of an artefact.

        Raises:
            ArtefactError: there is none, it is damaged, or a newer samekind wrote it.
        """
        from safetensors import SafetensorError, safe_open

        path = folder / MAP
        hint = f"run: samekind map {shlex.quote(str(folder))} --force, which makes it anew"
        try:
            with safe_open(path, framework="numpy") as stored:
                header: dict[str, Any] = json.loads((stored.metadata() or {})["map"])
                if header["format"] > FORMAT:
                    raise ArtefactError(
                        f"{path} has format {header['format']}, this samekind reads up to {FORMAT}",
                        hint="upgrade samekind",
                    )
                points = stored.get_tensor("point_N2")
            if header.pop(SEAL) != _seal(header, points):
                raise ValueError("its content is not what was written")
            del header["format"]
            adaptation = header["adaptation"]
            header |= {"state": tuple(header["state"]), "adaptation": None if adaptation is None else tuple(adaptation)}
            return cls(point_N2=points, **header)
        except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtefactError(f"{path} is damaged", hint=hint) from error

    def to_dict(self) -> dict[str, Any]:
        """The map as `--json` prints it: all but the points, whose number it says."""
        values = asdict(self)
        del values["point_N2"], values["state"]
        return {"images": len(self.point_N2), **values}


def _seal(header: dict[str, Any], point_N2: NDArray[np.float32]) -> str:
    """SHA-256 of all that the file holds."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(np.ascontiguousarray(point_N2).tobytes())
    return digest.hexdigest()


def compared_neighbours(count: int, k: int = NEIGHBOURS) -> int:
    """k, lowered for so few images that trustworthiness, which needs `2N > 3k + 1`, would not be defined."""
    return min(k, (2 * count - 2) // 3)
