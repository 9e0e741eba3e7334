"""How near the corpus' own images are to each other, worked out once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import samekind as sk


class UsualSimilarities:
    """`Index.nearest_similarities` of the last index and space that it was asked for."""

    def __init__(self) -> None:
        self._comparing = threading.Lock()
        self._usual: tuple[sk.Index, bool, NDArray[np.float64]] | None = None

    def of(self, index: sk.Index, adapted: bool) -> NDArray[np.float64]:
        """Similarities of images to the nearest other one, `(n,)`, ascending; of the adapted space, if `adapted` and there is one."""
        with self._comparing:
            key = adapted and index.adaptation is not None
            if self._usual is None or self._usual[:2] != (index, key):
                self._usual = (index, key, index.nearest_similarities(adapted=adapted))
            return self._usual[2]
