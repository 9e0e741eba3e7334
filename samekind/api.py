"""The functions of the facade that join layers: everything else is handed through as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError, SamekindError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.training.config.model import names_model
from samekind.training.config.presets import implied_preset, with_answers
from samekind.training.config.presets import preset as preset_config
from samekind.training.runtime.artefact import META, check_writable

if TYPE_CHECKING:
    from samekind.indexer.evaluation.figures import Evaluation
    from samekind.indexer.index import Index
    from samekind.training.models.encoder import Encoder
    from samekind.training.run.train import Run, Start


def train(
    corpus: Corpus | str | Path,
    preset: str | None = None,
    out: str | Path | None = None,
    *,
    force: bool = False,
    resume: bool = False,
    verdicts: str | Path | None = None,
    probe: bool = True,
    progress: Progress | None = None,
    **overrides: Any,
) -> Run:
    """Trains an encoder on a corpus' `train` split, without looking at its labels.

    An unfinished run with the same settings continues by itself, with the verdicts that it began with; a finished one is kept and returned.

    Args:
        corpus: a corpus, or what `load_corpus` takes: a registered name or a folder.
        preset: `smoke`, `small`, `plain`, `full` or `adapter`. If left out, `adapter` for a pretrained `backbone` and, where none is named,
            for photos; otherwise `small`.
        out: the artefact's folder; `artifacts/NAME` if left out.
        force: replace a run with other settings that `out` holds.
        resume: demand a checkpoint to continue from.
        verdicts: an artefact whose verdicts and given labels are trained with: pairs called the same are positives (or only no negatives:
            `confirmed="drop"`), pairs called different are never suspected, duplicates are never negatives. An adapter starts from the
            space that they adapt (`start_from="frozen"`: it does not) and learns at a rate of 3e-4.
        probe: look at a fixed probe of anchors every epoch, and record what it shows (`run.history`, `read_probes`). It changes no weight.
        progress: shows how far it is.
        **overrides: fields of `TrainConfig` that replace the preset's, e.g. `epochs=3`.

    Raises:
        InputError: an unknown preset or setting, or a value out of range.
        ArtefactError: `out` cannot be written, or holds a run with other settings; `verdicts` holds none.
    """
    if force and resume:
        raise InputError("force throws a run away, resume continues it", hint="choose one of --force and --resume")
    preset = preset or implied_preset(overrides)
    if preset is None:
        corpus = _loaded(corpus, progress)
        preset = _preset_for(corpus, progress)
    config = preset_config(preset, **(overrides if verdicts is None else with_answers(preset, overrides)))
    answers = None
    if verdicts is not None:
        from samekind.indexer.labeling.people.current_answers import read_link_constraints

        answers = read_link_constraints(verdicts)
    corpus = _loaded(corpus, progress)
    folder = Path(out) if out is not None else Path("artifacts") / corpus.name
    if "backbone" not in overrides and not names_model(config.backbone) and not (folder / META).is_file():
        _note_pretrained(corpus, progress)
    check_writable(folder)

    from samekind.training.run.train import train as run_training

    progress = progress or NoProgress()
    start: Start = "force" if force else "resume" if resume else "continue"
    run = run_training(corpus, config, folder, start=start, answers=answers, probe=probe, progress=progress)
    if probe:
        _record_probes(run, progress)
    return run


def _note_pretrained(corpus: Corpus, progress: Progress | None) -> None:
    """Says so where a preset has asked for a network from scratch and a pretrained one finds more."""
    from samekind.training.models.pretrained.default import default_encoder

    if progress is not None and names_model(default_encoder(corpus).name):
        progress.print(
            "these look like photos: the pretrained encoder of samekind quickstart finds more in them than a small network does that this "
            "preset trains from scratch"
        )


def _loaded(corpus: Corpus | str | Path, progress: Progress | None) -> Corpus:
    if isinstance(corpus, Corpus):
        return corpus
    from samekind.data.sources.registry import load_corpus

    return load_corpus(str(corpus), progress=progress)


def _preset_for(corpus: Corpus, progress: Progress | None) -> str:
    """The preset of the encoder that these images get; which, and why, is said in one line."""
    from samekind.training.models.pretrained.default import default_encoder

    name, reason = default_encoder(corpus)
    (progress or NoProgress()).print(reason)
    return "adapter" if names_model(name) else "small"


def _record_probes(run: Run, progress: Progress) -> None:
    """Carries a run's records into the table `probes`; whatever keeps it from that, the run is whole without."""
    from samekind.training.runtime.processes import is_first_process

    if not is_first_process():
        return
    try:
        from samekind.indexer.storage.probes import record_probes

        record_probes(run.out, run.history, renew=not run.kept)
    except (SamekindError, ImportError) as error:
        progress.print(f"the table probes was not written: {error}; metrics.jsonl holds the same figures")


def load_encoder(name: str | Path, image_size: int | None = None, crops: int | None = None) -> Encoder:
    """An encoder by name or folder.

    Args:
        name: an artefact, a folder that `Encoder.save_pretrained` wrote, or a pretrained model: `lite0`, `timm/NAME[@FILE]`,
            `open_clip/NAME[@TAG|FILE]`, `hf-hub:ORG/NAME`.
        image_size: pixels a side instead of those that a pretrained model was trained for; a folder's encoder keeps its own.
        crops: of each image, as `build_index` takes them, of a pretrained model.

    Raises:
        InputError: there is no such model, it cannot take images of that size, or the folder's encoder takes another number of crops.
        MissingDependencyError: the weights are not on this machine; the hint says which file to put where.
        ArtefactError: the folder holds no encoder, or it is damaged.
    """
    from samekind.training.models.pretrained.resolve import resolve_encoder

    return resolve_encoder(name, image_size, crops=crops)


def evaluate(path: str | Path, *, bare: bool = False, progress: Progress | None = None) -> Evaluation:
    """Evaluates an artefact's encoder on its corpus: bank = train split, queries = test split.

    Args:
        path: the artefact.
        bare: embed the corpus again for the figures without whitening, if they are not known from the building of the index.
        progress: shows bars.

    Raises:
        ArtefactError: there is no finished artefact in `path`.
    """
    from samekind.indexer.evaluation.evaluate import evaluate_artefact

    return evaluate_artefact(Path(path), progress=progress, bare=bare)


def export_vectors(index: Index | str | Path, file: str | Path) -> None:
    """Writes the vectors of an index for other programs.

    Args:
        index: an index, or its folder.
        file: `.parquet` gets the columns id, label, split, uri, sha256 and vector; `.npy` gets `(N, D)` float32, and the ids go into a text
            file beside it, one a line (`vectors.ids.txt` for `vectors.npy`).

    Raises:
        InputError: the file is of another kind.
        ArtefactError: there is no index, or the file cannot be written.
    """
    from samekind.indexer.index import Index
    from samekind.indexer.storage.vector_files import TEXTS, VectorRows, check_suffix, write_vector_file

    check_suffix(Path(file))
    opened = index if isinstance(index, Index) else Index.open(index)
    texts = {name: opened.rows.column(name) for name in TEXTS}
    rows = VectorRows(opened.ids, opened.vectors(), texts, opened.manifest["encoder"])
    write_vector_file(Path(file), rows)


def export_neighbours(
    index: Index | str | Path, file: str | Path, k: int = 10, progress: Progress | None = None
) -> int:
    """Writes the k nearest other images of every image as Parquet: `id`, `neighbour`, `rank` (1 is the nearest), `similarity`.

    Args:
        index: an index, or its folder.
        file: the `.parquet` file. Images come in table order; the similarity is the cosine in the encoder's own space.
        k: neighbours an image, ≥ 1; all others if there are no more.
        progress: shows a bar.

    Returns:
        The number of rows written.

    Raises:
        InputError: k is less than 1, or the file is of another kind.
        ArtefactError: there is no index, or the file cannot be written.
    """
    from samekind.indexer.index import Index
    from samekind.indexer.search.neighbour_graph import write_neighbour_graph

    opened = index if isinstance(index, Index) else Index.open(index)
    return write_neighbour_graph(opened, Path(file), k, progress)


def index_vectors(
    vectors: NDArray[Any],
    ids: Sequence[str],
    out: str | Path,
    *,
    labels: Sequence[str | None] | None = None,
    splits: Sequence[str | None] | None = None,
    uris: Sequence[str | None] | None = None,
    sha256: Sequence[str | None] | None = None,
    corpus: Corpus | None = None,
    name: str = "vectors",
    made_by: str = "",
    progress: Progress | None = None,
) -> Index:
    """Makes an index of vectors that somebody else's encoder made: search by id and vector, audit, label issues and label pairs.

    There is no encoder, so a query cannot be an image. Without a corpus there are no pictures either: only equal vectors (or rows of equal
    `sha256`) count as duplicates.

    Args:
        vectors: `(N, D)` numbers, scaled to unit norm.
        ids: N unique names; with a corpus, its ids or uris.
        out: the folder of the index. One of other vectors is replaced; verdicts stay.
        labels: class names, `None` where unknown; the corpus' if left out.
        splits: `train`, `validation` or `test`; the corpus' if left out, and without a corpus about 80/20, as for a folder.
        uris: where the images are; shown, not opened.
        sha256: content hashes, by which verdicts know an image; the corpus' files decide if there is one, and otherwise the vectors.
        corpus: the images.
        name: of the whole, in the index.
        made_by: what made the vectors; kept in `meta.json`.
        progress: shows bars.

    Raises:
        InputError: a vector is zero or not finite, ids are not unique or not in the corpus, lengths differ, a split is none.
        ArtefactError: the folder cannot be written, or holds an encoder.
    """
    from samekind.indexer.building.build import bring_up_to_date
    from samekind.indexer.building.given_vectors import GivenVectors, given_corpus, place_given
    from samekind.indexer.index import Index
    from samekind.indexer.storage.vector_files import VectorRows
    from samekind.training.runtime.lock import exclusive

    told = {"label": labels, "split": splits, "uri": uris, "sha256": sha256}
    texts = {key: list(values) for key, values in told.items() if values is not None}
    rows = VectorRows([str(id_) for id_ in ids], np.asarray(vectors), texts, made_by)
    given, folder = GivenVectors(rows), Path(out)
    images = given_corpus(rows, given, name, corpus)
    check_writable(folder)
    with exclusive(folder):
        place_given(given, images, made_by, folder)
    bring_up_to_date(images, given, folder, progress)
    return Index.open(folder)
