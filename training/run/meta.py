"""`meta.json` of a run: when it begins, when it has finished, and the summary of it that `samekind train` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from samekind.training.false_negatives.base_rate import AutoPrior
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.features.feature_encoder import Trainable
from samekind.training.run.begin import Begun
from samekind.training.run.request import RunRequest
from samekind.training.runtime.artefact import FORMAT
from samekind.training.runtime.checkpoint import Counters
from samekind.training.training_set import TrainingImages


def meta_at_start(
    request: RunRequest, begun: Begun, known: PairConstraints | None, prior: AutoPrior | None = None
) -> dict[str, Any]:
    """Meta data of a run before its first step; `prior` is what `auto` came to."""
    corpus = request.corpus
    meta: dict[str, Any] = {
        "format": FORMAT,
        "identity": request.identity,
        "encoder": asdict(begun.encoder.spec),
        "config": request.config.to_dict(),
        "corpus": {
            "name": corpus.name,
            "content_hash": corpus.content_hash,
            "num_images": len(corpus),
            "num_skipped": len(corpus.skipped),
            **corpus.source,
            **({"reading": corpus.reading.to_json()} if corpus.reading.to_json() else {}),
        },
        "training": {"finished": False},
    }
    if begun.start is not None:
        meta["start"] = begun.start.to_dict()
    if prior is not None:
        meta["prior"] = prior._asdict()
    return meta if known is None else {**meta, "verdicts": {**known.used, **known.left_out}}


def meta_at_end(
    meta: dict[str, Any], encoder: Trainable, images: TrainingImages, counters: Counters, tested: dict[str, Any]
) -> dict[str, Any]:
    """Meta data of a finished run.

    Args:
        meta: as it was at the start.
        encoder: the finished one, on the CPU.
        images: that were trained on.
        counters: after the last step.
        tested: figures on the test split, and of an adapter what it has gained.
    """
    training = {
        "finished": True,
        "epochs": counters.history[-1]["epoch"],
        "steps": counters.step,
        "seconds": round(counters.seconds, 3),
        "precision": "bfloat16" if counters.bfloat16 else "float32",
        "streams": counters.streams,
        "num_train": len(images.fit),
        "num_hold_out": len(images.hold_out),
        "hold_out_by": meta["config"]["hold_out_by"],
        **tested,
    }
    return {**meta, "encoder": {**asdict(encoder.spec), "fingerprint": encoder.whole.fingerprint}, "training": training}


def summary_of(out: Path, meta: dict[str, Any]) -> dict[str, Any]:
    """Figures of a finished run, as `samekind train --json` prints them."""
    config, training = meta["config"], dict(meta["training"])
    training.pop("finished")
    treatment = config.get("treatment", "none")
    return {
        "encoder": str(out),
        "objective": config["objective"],
        "treatment": treatment,
        "detector": None if treatment == "none" else config["detector"],  # what no treatment asks for finds nothing
        "seed": config["seed"],
        "preset": config["preset"],
        **training,
        **{name: meta[name] for name in ("start", "prior", "verdicts") if name in meta},
    }


def verdicts_line(counts: dict[str, int]) -> str:
    """Counts of the verdicts that a run is trained with, and of those that are left out."""
    used = f"verdicts: {counts['same']:,} same ({counts['kinds']:,} kinds), {counts['different']:,} different, "
    parts = [used + f"{counts['duplicates']:,} of the same are duplicates"]
    if counts["not_trained_on"]:
        parts.append(f"{counts['not_trained_on']:,} are about images that are not trained on")
    if counts["contradictions"]:
        parts.append(f"{counts['contradictions']:,} contradict others and are left out with what they contradict")
    return "; ".join(parts)
