"""Ten groups of images that are near each other, by k-means: no label is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.app.jobs.job import Progress

if TYPE_CHECKING:
    import samekind as sk

CLUSTERS = 10
"""As many as the map has colours."""


def clusters(index: sk.Index, _progress: Progress) -> NDArray[np.uint8]:
    """`(N,)` cluster of each image, the largest first; fewer than ten where there are no more different images."""
    from sklearn.cluster import MiniBatchKMeans

    vectors_ND = index.adapted_vectors()
    means = MiniBatchKMeans(min(CLUSTERS, len(vectors_ND)), random_state=0, n_init=3, batch_size=4096)
    number_N = means.fit_predict(vectors_ND)
    _, number_N, count_C = np.unique(number_N, return_inverse=True, return_counts=True)
    place_C = np.empty(len(count_C), dtype=np.uint8)
    place_C[np.argsort(-count_C, kind="stable")] = np.arange(len(count_C))
    return place_C[number_N]
