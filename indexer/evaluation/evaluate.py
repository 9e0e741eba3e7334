"""Evaluation of an artefact's embeddings, from the artefact alone: bank = train, queries = test.

The vectors come from the index if it holds the whole corpus that the encoder was trained on; otherwise that corpus is loaded again, as
`meta.json` says, and embedded. A folder that has changed since the training is evaluated as it is now, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, SamekindError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.data.corpus import Corpus
from samekind.indexer.audit.notes import Note, NoteCode, label_rule_notes
from samekind.indexer.building.removal import finish_removal_if_free
from samekind.indexer.curation.leaks import BANK, QUERIES, leak_note
from samekind.indexer.evaluation.figures import Evaluation, evaluate_vectors
from samekind.indexer.evaluation.kept_evaluation import forget_evaluation, keep_evaluation
from samekind.indexer.evaluation.recorded_figures import NAMES, Figures, are_outdated, recorded_figures
from samekind.indexer.evaluation.without_whitening import measured_figures
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.storage.layout import JOURNAL, MANIFEST
from samekind.indexer.storage.recorded_corpus import load_recorded_corpus
from samekind.training.runtime.artefact import read_history, read_meta


@dataclass(frozen=True)
class _Images:
    """Embedded images: `(N, D)` float32, splits, labels. Of an index: `table_version` if they are all of its rows, a note on leaks, and
    others, and `(N, D)` float32 as answers have adapted them. `rule` for several labels. `stand_in` for others, which are not at hand.
    """

    vectors: NDArray[np.float32]
    splits: Sequence[str]
    labels: list[str | None] | None
    table_version: int | None = None
    leak: str | None = None
    notes: Sequence[str] = ()
    rule: str = ""
    stand_in: bool = False
    adapted: NDArray[np.float32] | None = None


def evaluate_artefact(path: str | Path, progress: Progress | None = None, bare: bool = False) -> Evaluation:
    """Evaluates an artefact on the test split of the corpus it was trained on. Beside an index the figures are kept, if that can be.

    Args:
        path: the artefact.
        progress: shows bars.
        bare: embed the corpus again for the figures without whitening, if they are not known from the building of the index.

    Raises:
        ArtefactError: there is no encoder, or neither an index nor a corpus that could be loaded again.
    """
    folder, progress = Path(path), progress or NoProgress()
    meta = read_meta(folder)
    notes: list[str] = []
    index = _index(folder, notes)
    images = _images(folder, index, meta, notes, progress)
    notes += [*images.notes, *([images.leak] if images.leak else [])]
    figures = recorded_figures(meta, images.table_version)
    if figures is None and bare:
        figures = measured_figures(folder, meta.get("corpus") or {}, progress)
    elif are_outdated(meta, images.table_version):
        notes.append(
            "The index has changed since its figures without whitening were taken; samekind evaluate --bare embeds again for them."
        )
    evaluation = evaluate_vectors(images.vectors, images.splits, images.labels, notes, progress, rule=images.rule)
    adapted = _adapted(images, evaluation, progress)
    evaluation = replace(evaluation, epoch=_epoch(folder, meta), without_whitening=figures, adapted=adapted)
    if images.stand_in:
        forget_evaluation(folder)
    elif index is not None:
        keep_evaluation(folder, evaluation.to_dict(), index.manifest)
    return evaluation


def _adapted(images: _Images, own: Evaluation, progress: Progress) -> Figures | None:
    """The figures of the space that searches use, where it is another."""
    if images.adapted is None or own.knn_accuracy is None:
        return None
    found = evaluate_vectors(
        images.adapted, images.splits, images.labels, progress=progress, linear=False, rule=images.rule
    )
    return {name: getattr(found, name) for name in NAMES}


def _images(
    folder: Path, index: OpenedIndex | None, meta: dict[str, Any], notes: list[str], progress: Progress
) -> _Images:
    recorded, not_trained = meta.get("corpus") or {}, _epoch(folder, meta) is None
    part: tuple[OpenedIndex, str] | None = None
    if index is not None:
        for entry in index.manifest["corpora"]:
            if not_trained and entry["source"] and entry["source"] == recorded.get("corpus"):
                return _from_index(
                    index, entry["key"], progress
                )  # the corpus may have grown: there is no training that could have missed that
            if entry["content_hash"] == recorded.get("content_hash"):
                rows = index.rows.column("corpus").count(entry["key"])
                if rows == entry["num_images"]:
                    return _from_index(index, entry["key"], progress)
                part = index, entry["key"]
    try:
        return _embedded(folder, recorded, notes, progress)
    except SamekindError as error:
        if part is not None:  # rows were removed, or belong to another corpus that brought the same images before
            images = _from_index(*part, progress)
            notes.append(
                f"The index holds {len(images.vectors):,} rows of the training's corpus of {recorded.get('num_images', '?')} images, "
                f"which is not at hand ({error}); these figures are of those rows."
            )
            return replace(images, stand_in=True)
        if index is None:
            raise
        notes.append(
            f"The corpus of the training is not at hand ({error}); these figures are of the images in the index."
        )
        return replace(_from_index(index, None, progress), stand_in=True)


def _index(folder: Path, notes: list[str]) -> OpenedIndex | None:
    if not (folder / MANIFEST).exists():
        return None
    try:
        if (folder / JOURNAL).exists():
            finish_removal_if_free(folder)
        return OpenedIndex.open(folder)
    except ArtefactError as error:
        notes.append(f"The index was not used: {error}.")
        return None


def _from_index(index: OpenedIndex, key: str | None, progress: Progress) -> _Images:
    owners = index.rows.column("corpus")
    rows = [i for i, owner in enumerate(owners) if key is None or owner == key]
    labels = None if index.labels is None else [index.labels[i] for i in rows]
    version = index.manifest["table_version"] if len(rows) == len(index) else None
    leak = leak_note(index, np.array(rows, dtype=np.int64), progress)
    return _Images(
        index.vectors()[rows],
        [index.splits[i] for i in rows],
        labels,
        version,
        leak,
        label_rule_notes(index.manifest["corpora"]),
        index.label_rule,
        adapted=None if index.adaptation is None else index.adapted_vectors()[rows],
    )


def _embedded(folder: Path, recorded: dict[str, Any], notes: list[str], progress: Progress) -> _Images:
    from samekind.training.models.embed_corpus import embed_corpus
    from samekind.training.models.encoder import Encoder

    corpus = load_recorded_corpus(folder, recorded, notes, progress)
    encoder = Encoder.load(folder)
    told = label_rule_notes([{"label_rule": corpus.label_rule}])
    vectors, leak = embed_corpus(encoder, corpus, progress), _copies_note(corpus)
    return _Images(vectors, corpus.splits, corpus.labels, leak=leak, notes=told, rule=corpus.label_rule)


def _copies_note(corpus: Corpus) -> Note | None:
    """A sentence on test images of the same content as a training image: without an index that much is known of leaks."""
    hashes = [reference.sha256 for reference in corpus.references]
    bank = {hash_ for hash_, split in zip(hashes, corpus.splits, strict=True) if split == BANK}
    number = sum(hash_ in bank for hash_, split in zip(hashes, corpus.splits, strict=True) if split == QUERIES)
    if not number:
        return None
    text = (
        f"{counted(number, 'test image')} {'has' if number == 1 else 'have'} the same content as a training image: a leak, which makes "
        "accuracy too good (near copies are not counted here: samekind suspects lists them, too, once there is an index)."
    )
    return Note(NoteCode.LEAKS, text)


def _epoch(folder: Path, meta: dict[str, Any]) -> int | None:
    """The epoch after which the encoder was saved: always the last one."""
    history = read_history(folder)
    epoch = history[-1].get("epoch") if history else (meta.get("training") or {}).get("epochs")
    return None if epoch is None else int(epoch)
