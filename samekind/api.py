"""The functions of the facade that join layers: everything else is handed through as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.core.errors import InputError, SamekindError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.training.config.presets import preset as preset_config
from samekind.training.runtime.artefact import check_writable

if TYPE_CHECKING:
    from samekind.indexer.evaluation.evaluate import Evaluation
    from samekind.indexer.index import Index
    from samekind.training.models.encoder import Encoder
    from samekind.training.run.train import Run, Start


def train(
    corpus: Corpus | str | Path,
    preset: str = "small",
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
        preset: `smoke`, `small`, `plain` or `full`.
        out: the artefact's folder; `artifacts/NAME` if left out.
        force: replace a run with other settings that `out` holds.
        resume: demand a checkpoint to continue from.
        verdicts: an artefact whose verdicts are trained with: pairs called the same are positives (or only no negatives:
            `confirmed="drop"`), pairs called different are never suspected, duplicates are never negatives.
        probe: look at a fixed probe of anchors every epoch, and record what it shows (`run.history`, `read_probes`). It changes no weight.
        progress: shows how far it is.
        **overrides: fields of `TrainConfig` that replace the preset's, e.g. `epochs=3`.

    Raises:
        InputError: an unknown preset or setting, or a value out of range.
        ArtefactError: `out` cannot be written, or holds a run with other settings; `verdicts` holds none.
    """
    config = preset_config(preset, **overrides)
    if force and resume:
        raise InputError("force throws a run away, resume continues it", hint="choose one of --force and --resume")
    answers = None
    if verdicts is not None:
        from samekind.indexer.labeling.link_constraints import read_link_constraints

        answers = read_link_constraints(verdicts)
    if not isinstance(corpus, Corpus):
        from samekind.data.sources.registry import load_corpus

        corpus = load_corpus(str(corpus), progress=progress)
    folder = Path(out) if out is not None else Path("artifacts") / corpus.name
    check_writable(folder)

    from samekind.training.run.train import train as run_training

    progress = progress or NoProgress()
    start: Start = "force" if force else "resume" if resume else "continue"
    run = run_training(corpus, config, folder, start=start, answers=answers, probe=probe, progress=progress)
    if probe:
        _record_probes(run, progress)
    return run


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


def load_encoder(name: str | Path, image_size: int | None = None) -> Encoder:
    """An encoder by name or folder.

    Args:
        name: an artefact, a folder that `Encoder.save_pretrained` wrote, or a pretrained model: `lite0`, `timm/NAME[@FILE]`,
            `open_clip/NAME[@TAG|FILE]`, `hf-hub:ORG/NAME`.
        image_size: pixels a side instead of those that a pretrained model was trained for; a folder's encoder keeps its own.

    Raises:
        InputError: there is no such model, or it cannot take images of that size.
        MissingDependencyError: the weights are not on this machine; the hint says which file to put where.
        ArtefactError: the folder holds no encoder, or it is damaged.
    """
    from samekind.training.models.pretrained.resolve import resolve_encoder

    return resolve_encoder(name, image_size)


def evaluate(path: str | Path, *, progress: Progress | None = None) -> Evaluation:
    """Evaluates an artefact's encoder on its corpus: bank = train split, queries = test split.

    Raises:
        ArtefactError: there is no finished artefact in `path`.
    """
    from samekind.indexer.evaluation.evaluate import evaluate_artefact

    return evaluate_artefact(Path(path), progress=progress)


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
