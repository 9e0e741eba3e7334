"""A whole run: decide whether to start, go on or keep; train; measure every epoch; finish into an artefact.

The order of writes makes a kill at any moment harmless: `answers.json` (if there are any) → `meta.json` (unfinished) → checkpoints →
`encoder.safetensors` → `meta.json` (finished). The next start with the same settings finds the latest of them and goes on from there.
"""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.training.config.train_config import TrainConfig, check_use_of_answers
from samekind.training.diagnostics.accuracy import evaluate_test_split
from samekind.training.diagnostics.gradient_weights import GradientWeights, gradient_weights_of
from samekind.training.diagnostics.probe import Probe, draw_probe, note_on_labels, with_corpus_look
from samekind.training.engine.epochs import train_epochs
from samekind.training.engine.loss import Loss
from samekind.training.engine.trainer import build_network
from samekind.training.false_negatives.build_detector import build_detector
from samekind.training.false_negatives.constraints import LinkConstraints, PairConstraints
from samekind.training.false_negatives.guide import outside_files
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.whitening import directions_worth_keeping
from samekind.training.run.begin import Asked, is_begun, is_finished, with_first_answers, write_answers
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import (
    ANSWERS,
    FORMAT,
    META,
    METRICS,
    WEIGHTS,
    check_writable,
    read_history,
    read_meta,
    write_atomically,
    write_history,
    write_json,
)
from samekind.training.runtime.checkpoint import Counters
from samekind.training.runtime.devices import choose_device
from samekind.training.runtime.lock import exclusive
from samekind.training.runtime.processes import accelerator_on, agreed, check_shareable
from samekind.training.training_set import TrainingImages, load_training_images, training_corpus


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        out: its artefact.
        config: its settings.
        summary: what `samekind train --json` prints.
        kept: whether it had been finished before and nothing was trained.
    """

    out: Path
    config: TrainConfig
    summary: dict[str, Any]
    kept: bool = False

    @property
    def encoder(self) -> Encoder:
        """The trained encoder, read from the artefact."""
        return Encoder.load(self.out)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch, as in `metrics.jsonl`."""
        return read_history(self.out)


def train(
    corpus: Corpus,
    config: TrainConfig,
    out: str | Path,
    *,
    force: bool = False,
    resume: bool = False,
    answers: LinkConstraints | None = None,
    probe: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Trains an encoder on a corpus' training split and writes it to an artefact.

    A finished run with the same settings is kept, an unfinished one goes on (bitwise on CPU), with the answers that it began with.

    Args:
        corpus: the images; their labels are only measured with.
        config: the settings.
        out: folder of the artefact.
        force: replace a run with other settings, or a finished one; this very run, interrupted, goes on all the same, with its own answers.
        resume: insist on going on from a checkpoint.
        answers: what people have said of pairs of images; those about images that are not trained on are left out. Of several processes
            the first one's are everybody's.
        probe: also look at the fixed probe, every epoch and once against all images in training; changes no weight.
        progress: shows bars and a line an epoch.

    Raises:
        ArtefactError: the folder cannot be written or holds a run with other settings.
        InputError: `resume` without a checkpoint, answers for an objective that has no use for them, or `confirmed` without answers.
        CorpusError: fewer than two training images.
        KeyboardInterrupt: Ctrl-C, after the state was saved.
    """
    out, progress = Path(out), progress or NoProgress()
    if force and resume:
        raise InputError("force throws a run away, resume goes on with it", hint="choose one of --force and --resume")
    if resume and not ((out / WEIGHTS).is_file() or checkpoint.exists(out)):
        raise InputError(f"{out} holds no checkpoint to resume", hint="leave out --resume to start a new run")
    check_use_of_answers(config, given=answers is not None)
    chosen = training_corpus(corpus, config)
    if config.guide and Path(config.guide).resolve() == out.resolve():
        raise InputError("a run cannot be its own guide", hint="choose another --out")
    accelerator = accelerator_on(choose_device(config.device))
    check_shareable(config, accelerator.num_processes)
    check_writable(out)
    first = accelerator.is_main_process  # the others take its word for everything on disk, and write nothing
    progress = progress if first else NoProgress()
    with exclusive(out) if first else nullcontext():
        asked = Asked(config, corpus, outside_files(config), answers)
        if first:
            asked = with_first_answers(out, asked, progress)
        answers, kept = agreed(accelerator, (asked.answers, first and not force and is_finished(out, asked)))
        if kept:
            return Run(out, config, _summary(out, read_meta(out)), kept=True)
        asked = replace(asked, answers=answers)
        images = load_training_images(chosen, config, progress)
        torch.manual_seed(config.seed)
        encoder = Encoder(_spec(config, images))
        known = None if answers is None else PairConstraints(answers, images.hashes)
        loss = _checked_loss(config, images, encoder, known, progress)
        meta = _meta(asked, encoder)
        if known is not None:
            meta["verdicts"] = {**known.used, **known.left_out}
            progress.print(_answers_line(meta["verdicts"]))
        if first:
            if force and not (is_begun(out, asked) and checkpoint.is_whole(out, asked.digest)):
                _clear(out)  # only now: whatever is wrong with the request has been said before
            write_answers(out, answers)  # before the meta data, which name their content
            write_json(out / META, meta)
        accelerator.wait_for_everyone()
        drawn = draw_probe(images, config) if probe else None
        if probe and (said := note_on_labels(images, config, drawn)):
            progress.print(said)
        counters = train_epochs(config, images, encoder, loss, out, asked.digest, progress, drawn)
        if first:
            gradient_weights = gradient_weights_of(config.objective, config.temperature, loss.hardness(1.0))
            _finish(corpus, config, images, encoder, counters, drawn, gradient_weights, meta, out, progress)
        accelerator.wait_for_everyone()
        return Run(out, config, _summary(out, read_meta(out)))


def _finish(
    corpus: Corpus,
    config: TrainConfig,
    images: TrainingImages,
    encoder: Encoder,
    counters: Counters,
    probe: Probe | None,
    gradient_weights: GradientWeights | None,
    meta: dict[str, Any],
    out: Path,
    progress: Progress,
) -> None:
    """Fits the whitening, looks at the probe and, for the first and only time, at the test split, and writes the artefact."""
    encoder.eval()
    encoder.fit_whitening(images.pixels, config.whitening, config.seed)
    embedded = None
    if probe is not None:
        embedded = encoder.embed(images.pixels, progress=progress)
        counters.history[-1] = with_corpus_look(counters.history[-1], embedded[images.fit], probe, gradient_weights)
    whole = len(images.corpus) == corpus.splits.count("train")
    tested = evaluate_test_split(encoder, corpus, progress, embedded if whole else None)
    weights = encoder.cpu().to_bytes()
    write_atomically(out / WEIGHTS, weights)
    write_history(out, counters.history)
    meta["encoder"] = {**asdict(encoder.spec), "fingerprint": encoder.fingerprint}
    meta["training"] = {
        "finished": True,
        "epochs": len(counters.history),
        "steps": counters.step,
        "seconds": round(counters.seconds, 3),
        "precision": "bfloat16" if counters.bfloat16 else "float32",
        "num_train": len(images.fit),
        "num_hold_out": len(images.hold_out),
        **tested,
    }
    write_json(out / META, meta)


def _summary(out: Path, meta: dict[str, Any]) -> dict[str, Any]:
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
        **({"verdicts": meta["verdicts"]} if "verdicts" in meta else {}),
    }


def _spec(config: TrainConfig, images: TrainingImages) -> EncoderSpec:
    return EncoderSpec(
        backbone=config.backbone,
        image_size=images.pixels.shape[1],
        channels=images.corpus.channels,
        dim=directions_worth_keeping(config.embedding_dim, len(images.pixels)) if config.whitening else 0,
        mean=images.mean,
        std=images.std,
        width=config.width,
        stem_stride=config.stem_stride,
        pool=config.pool,
    )


def _meta(asked: Asked, encoder: Encoder) -> dict[str, Any]:
    corpus = asked.corpus
    return {
        "format": FORMAT,
        "identity": asked.identity,
        "encoder": asdict(encoder.spec),
        "config": asked.config.to_dict(),
        "corpus": {
            "name": corpus.name,
            "content_hash": corpus.content_hash,
            "num_images": len(corpus),
            "num_skipped": len(corpus.skipped),
            **corpus.source,
        },
        "training": {"finished": False},
    }


def _answers_line(counts: dict[str, int]) -> str:
    used = f"verdicts: {counts['same']:,} same ({counts['kinds']:,} kinds), {counts['different']:,} different, "
    parts = [used + f"{counts['duplicates']:,} of the same are duplicates"]
    if counts["not_trained_on"]:
        parts.append(f"{counts['not_trained_on']:,} are about images that are not trained on")
    if counts["contradictions"]:
        parts.append(f"{counts['contradictions']:,} contradict others and are left out with what they contradict")
    return "; ".join(parts)


def _checked_loss(
    config: TrainConfig, images: TrainingImages, encoder: Encoder, known: PairConstraints | None, progress: Progress
) -> Loss:
    """The run's loss with its detector. Whatever cannot be had or built is said here, before anything in the folder changes."""
    with torch.random.fork_rng(
        devices=[]
    ):  # thrown away: the one that is trained must start from the run's own numbers
        build_network(config, encoder)
    return Loss(config, len(images.fit), build_detector(config, images, progress), known)


def _clear(out: Path) -> None:
    """Removes a run's own files; index and verdicts stay."""
    for name in (META, METRICS, WEIGHTS, ANSWERS):
        (out / name).unlink(missing_ok=True)
    for folder in (checkpoint.CHECKPOINT.parent, Path("tensorboard")):
        if (out / folder).exists():
            shutil.rmtree(out / folder)
