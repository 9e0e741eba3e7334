"""What one pass over all pairs has found, kept in the cache: a page or a command that asks the same again waits for no second pass.

The name is the digest of all that the findings depend on: the vectors by the hashes of the files that hold them, which rows are compared,
classes, contents, anchors, k and the objective's weights. What has changed has another name; what is stale is read by nobody and goes when
the cache needs room. The artefact itself stays as it is, so one that cannot be written profits, too.

# A anchors, K hardest negatives
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import SamekindError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.indexer.audit.comparison import Comparison, NearPairs, Neighbourhood
from samekind.training.runtime.array_file import ArrayFile
from samekind.training.runtime.artefact import write_atomically

WORTH = 10**8
"""Pairs from which on a pass is kept: fewer take less than a second."""
_FORMAT = 1
_HINT = "delete what the cache holds: samekind cache --purge"


def kept_pass(
    manifest: Mapping[str, Any],
    rows_N: NDArray[np.int64],
    comparison: Comparison,
    find: Callable[[], Neighbourhood],
    progress: Progress | None = None,
) -> Neighbourhood:
    """The findings of `find`, from the cache if they are there; a cache that cannot be written is done without.

    Args:
        manifest: of the index as it is opened.
        rows_N: `(N,)` rows of the index that are compared.
        comparison: of these.
        find: makes the pass.
        progress: says what is kept, where, and how large it is.
    """
    anchors = len(comparison.anchor_A)
    if anchors * len(rows_N) < WORTH:
        return find()
    kept = ArrayFile(
        "audits",
        _digest(manifest, rows_N, comparison),
        (anchors, 3 * comparison.k + 1),
        "float64",
        f"neighbours of {counted(anchors, 'image')}",
        _HINT,
    )
    with suppress(OSError):
        found = _read(kept, comparison.k, len(rows_N))
        if found is not None:
            return found
    with (
        suppress(OSError),
        kept.entry.claimed() as free,
    ):  # what is there and cannot be used would never be written anew
        if free:
            kept.entry.delete()
    found = find()
    try:
        _write(kept, found, progress or NoProgress())
    except (SamekindError, OSError) as error:
        (progress or NoProgress()).print(f"the comparison of all images is not kept for the next time: {error}")
    return found


def _read(kept: ArrayFile, k: int, rows: int) -> Neighbourhood | None:
    """`None` if nothing is kept, or not in full."""
    stored = kept.opened()
    if stored is None:
        return None
    try:
        value = stored[:]
    finally:
        stored.close()
    row_AK, similarity_AK, share_AK = (value[:, i * k : (i + 1) * k] for i in range(3))
    try:
        near = json.loads(_beside(kept).read_text(encoding="utf-8"))
        pairs = NearPairs(int(near["count"]), [(float(s), int(a), int(b)) for s, a, b in near["best"]])
    except (ValueError, KeyError, TypeError):
        return None
    if not ((row_AK >= 0) & (row_AK < rows)).all():  # damaged on the disk
        return None
    return Neighbourhood(row_AK.astype(np.int64), similarity_AK.copy(), share_AK.copy(), value[:, -1].copy(), pairs)


def _write(kept: ArrayFile, found: Neighbourhood, progress: Progress) -> None:
    value = np.column_stack([found.row_AK, found.similarity_AK, found.share_AK, found.false_share_A])

    def blocks(done: int) -> Iterator[NDArray[Any]]:
        content = json.dumps({"count": found.near.count, "best": found.near.best}).encode()
        write_atomically(_beside(kept), content)  # before the array is whole
        yield value[done:]

    kept.rows(blocks, "Keeping the comparison", progress).close()


def _beside(kept: ArrayFile) -> Path:
    return kept.entry.file.with_name(f"{kept.digest}-near.json")


def _digest(manifest: Mapping[str, Any], rows_N: NDArray[np.int64], comparison: Comparison) -> str:
    weights, sets = comparison.gradient_weights, comparison.sets
    settings = {
        "format": _FORMAT,
        "vectors": [manifest["index"]["sha256"], (manifest.get("delta") or {}).get("sha256"), manifest["rows"]],
        "k": comparison.k,
        "near": comparison.near,
        "weights": None if weights is None else [weights.temperature, weights.beta],
        "several": None if sets is None else hashlib.sha256(np.ascontiguousarray(sets.has_CL).tobytes()).hexdigest(),
    }
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    contents = rows_N if comparison.content_N is None else comparison.content_N
    for array in (rows_N, comparison.class_N, contents, comparison.anchor_A):
        digest.update(np.ascontiguousarray(array, dtype=np.int64).tobytes())
    return digest.hexdigest()[:32]
