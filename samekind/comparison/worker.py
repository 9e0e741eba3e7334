"""`python -m samekind.comparison.worker`: the child process that computes one trial, or times the budget.

A process of its own gives each trial its own peak of memory and lets a trial fail alone. It reads one task as a line of JSON from stdin
and answers with one object on stdout; what people read goes to stderr. When stdin ends, the parent is gone or wants no more: the child
then stops as on Ctrl-C, and training saves its state.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import samekind
from samekind.comparison.machine import hardware, peak_gpu_memory_bytes, peak_memory_bytes
from samekind.comparison.stopwatch import steps_per_second
from samekind.console import Console
from samekind.core.errors import CorpusError, SamekindError
from samekind.core.progress import Progress
from samekind.training.config.train_config import TrainConfig

if TYPE_CHECKING:
    from samekind.data.corpus import Corpus
    from samekind.training.models.encoder import Encoder

INTERRUPTED = 130
TIMED_RANK = "10"


def main() -> int:
    """Does the task that stdin names."""
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    answer, code = _outcome(task)
    with contextlib.suppress(BrokenPipeError):  # a parent that was killed reads no answer
        os.write(sys.stdout.fileno(), json.dumps(answer, allow_nan=False).encode())
    return code


def _outcome(task: dict[str, Any]) -> tuple[dict[str, Any], int]:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # libraries that print must not spoil the answer
            return {"trial": compute_trial, "timing": time_steps}[task["kind"]](task), 0
    except KeyboardInterrupt:
        return {"error": "interrupted"}, INTERRUPTED
    except SamekindError as error:
        return {"error": str(error), "hint": error.hint}, 2
    except Exception as error:  # noqa: BLE001 - the other trials continue; the traceback is for whoever mends this one
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}, 1


def _stop_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


def time_steps(task: dict[str, Any]) -> dict[str, Any]:
    """Steps a second of a training that is thrown away.

    Args:
        task: as for `compute_trial`, with `seconds` to time for.
    """
    corpus = _corpus(task, Console().progress)
    measured = steps_per_second(corpus, task["config"], task["seconds"])
    return {**measured, "hardware": hardware(task["config"]["device"]), **_versions()}


def compute_trial(task: dict[str, Any]) -> dict[str, Any]:
    """Trains or resumes, and measures.

    Args:
        task: `source` and `content_hash` of the corpus, `config`, `knn_k`, and `work`, the folder of the training.

    Returns:
        What a trial stores about its computation: `figures`, `epochs`, `notes`, `hardware`, versions, times.
    """
    from samekind.training.training_set import training_corpus

    started = time.perf_counter()
    progress = Console().progress
    corpus = _corpus(task, progress)
    config = dict(task["config"])
    # Training gets no test split: it would embed all images for an accuracy that is measured below, with the other figures.
    train = training_corpus(corpus, TrainConfig(**config))
    run = samekind.train(train, config.pop("preset"), task["work"], probe=False, progress=progress, **config)
    memory = _memory(trained=not run.kept)  # before the measuring, which holds all images
    figures, notes = _measure(run.encoder, [train, corpus.split("test")], task["knn_k"], progress)
    history = run.history
    return {
        "epochs": history[-1]["epoch"],
        "num_train": run.summary["num_train"],
        "num_hold_out": run.summary["num_hold_out"],
        "figures": {**figures, **_training_figures(history), **memory},
        "notes": notes,
        "last_epoch": history[-1],
        "hardware": hardware(task["config"]["device"]),
        **_versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "train_seconds": run.summary["seconds"],
        "wall_seconds": round(time.perf_counter() - started, 1),
    }


def _corpus(task: dict[str, Any], progress: Progress) -> Corpus:
    source = {name: value for name, value in task["source"].items() if value is not None}
    corpus = samekind.load_corpus(**source, progress=progress)
    if corpus.content_hash != task["content_hash"]:
        raise CorpusError(f"{corpus.name} has changed since the comparison began", hint="start it again")
    return corpus


def _measure(
    encoder: Encoder, parts: list[Corpus], knn_k: int, progress: Progress
) -> tuple[dict[str, float | None], list[str]]:
    """The figures on the test split against the images that were trained on, otherwise as `samekind evaluate` has them."""
    import numpy as np

    from samekind.data.types.same_class import LabelSets
    from samekind.indexer.evaluation.figures import evaluate_vectors
    from samekind.training.diagnostics.accuracy import KNN_K, knn_accuracy
    from samekind.training.models.embed_corpus import embed_corpus
    from samekind.training.training_set import label_numbers

    corpus = parts[0]
    if corpus.labels is None or len(parts[1]) == 0:
        why = "no labels" if corpus.labels is None else "no test split"
        return {"knn_accuracy": None, "linear_accuracy": None, "hit_rate_at_1": None}, [f"{corpus.name} has {why}."]
    bank, query = (embed_corpus(encoder, p, progress) for p in parts)
    splits, labels = [split for p in parts for split in p.splits], [label for p in parts for label in p.labels or []]
    rule = corpus.label_rule
    evaluation = evaluate_vectors(np.concatenate([bank, query]), splits, labels, progress=progress, rule=rule)
    accuracy = evaluation.knn_accuracy
    if knn_k != KNN_K:
        classes = sorted({*corpus.classes, *parts[1].classes})  # a set of labels may be of test images only
        numbers = [label_numbers(p.labels, classes) for p in parts]
        assert numbers[0] is not None
        assert numbers[1] is not None
        sets = LabelSets.of(classes, rule)
        accuracy = knn_accuracy(bank, numbers[0], query, numbers[1], knn_k, sets=sets)
    return {
        "knn_accuracy": accuracy,
        "linear_accuracy": evaluation.linear_accuracy,
        "hit_rate_at_1": evaluation.hit_rate_at_1,
        "map_at_r": evaluation.map_at_r,
    }, evaluation.notes


def _training_figures(history: list[dict[str, Any]]) -> dict[str, float | None]:
    """Diagnostics of the last epoch; the speed is the median over epochs, which a busy minute does not move."""
    last = history[-1]
    speeds = [record["pairs_per_second"] for record in history if record.get("pairs_per_second")]
    return {
        "false_negative_rate_at_10": (last.get("false_negative_rate") or {}).get(TIMED_RANK),
        "lift_at_10": (last.get("lift") or {}).get(TIMED_RANK),
        "base_rate": last.get("base_rate"),
        "gradient_share": last.get("gradient_share"),
        "mi_bound": last.get("mi_bound"),
        "mi_cap": last.get("mi_cap"),
        "detector_precision": (last.get("detector") or {}).get("precision"),
        "detector_recall": (last.get("detector") or {}).get("recall"),
        "loss": last.get("loss"),
        "pairs_per_second": statistics.median(speeds) if speeds else None,
    }


def _memory(*, trained: bool) -> dict[str, int | None]:
    """The peaks so far; undefined where an earlier process did the training."""
    if not trained:
        return {"peak_memory_bytes": None, "peak_gpu_memory_bytes": None}
    return {"peak_memory_bytes": peak_memory_bytes(), "peak_gpu_memory_bytes": peak_gpu_memory_bytes()}


def _versions() -> dict[str, str]:
    import torch

    return {"torch": str(torch.__version__), "samekind": samekind.__version__}


if __name__ == "__main__":
    sys.exit(main())
