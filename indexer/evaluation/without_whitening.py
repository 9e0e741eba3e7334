"""What a whitening is worth: figures of the bare features, to stand beside those of the embeddings.

An index keeps embeddings only, and features cannot be had back from them. They are at hand while an index is built on a pretrained model,
so its figures are taken then, and kept in `meta.json` with the version of the table that they are of. `meta.json` is read and written under
the artefact's lock; whoever else holds that changes the index, and figures that would soon be of an older state are not worth a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.data.prepared import prepared_batches
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.evaluation.figures import evaluate_vectors
from samekind.indexer.evaluation.recorded_figures import FIELD, NAMES, VERSION, Figures
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.storage.recorded_corpus import load_recorded_corpus
from samekind.training.models.encoder import Encoder
from samekind.training.models.whitening import unit_rows
from samekind.training.runtime.artefact import META, read_meta, write_json
from samekind.training.runtime.lock import exclusive

_BATCH = 64
_PATIENCE = 10.0  # seconds


def record_figures(index: OpenedIndex, feature_NF: NDArray[np.float32]) -> None:
    """Keeps the figures of an index that has just been built, unless another process keeps the artefact locked.

    Args:
        index: with labels and test images, or nothing is recorded.
        feature_NF: `(N, F)` float32 behind its vectors, in the order of its rows; if there are fewer, nothing is recorded.
    """
    if len(feature_NF) != len(index) or index.labels is None or "test" not in index.splits:
        return
    figures = _figures(feature_NF, index.splits, index.labels, index.label_rule)
    recorded = {VERSION: index.manifest["table_version"], **figures}
    with suppress(ArtefactError), exclusive(index.path, wait=_PATIENCE):
        write_json(index.path / META, {**read_meta(index.path), FIELD: recorded})


def measured_figures(folder: Path, recorded: dict[str, Any], progress: Progress) -> Figures:
    """The figures of the corpus that `meta.json` names, every image of which goes through the encoder again.

    Raises:
        ArtefactError, CorpusError: there is no such corpus any more, or no encoder.
        ImageError: an image has become unreadable since.
    """
    corpus, encoder = load_recorded_corpus(folder, recorded, [], progress), Encoder.load(folder)
    rows, features = [], []
    with progress.task("Embedding without whitening", len(corpus)) as task:
        for batch, pixels in prepared_batches(corpus, preprocessing_of(encoder.spec), range(len(corpus)), _BATCH):
            rows += batch.tolist()
            features.append(encoder.features(pixels))
            task.advance(len(batch))
    labels = None if corpus.labels is None else [corpus.labels[row] for row in rows]
    return _figures(np.concatenate(features), [corpus.splits[row] for row in rows], labels, corpus.label_rule)


def _figures(
    feature_NF: NDArray[np.float32], splits: Sequence[str], labels: list[str | None] | None, rule: str
) -> Figures:
    vectors = unit_rows(torch.from_numpy(feature_NF))
    evaluation = evaluate_vectors(vectors, splits, labels, linear=False, rule=rule).to_dict()
    return {name: evaluation[name] for name in NAMES}
