"""A whole run: decide whether to start, continue or keep; train; measure every epoch; finish into an artefact.

The order of writes makes a kill at any moment harmless: `answers.json` (if there are any) → `meta.json` (unfinished) → checkpoints →
`encoder.safetensors` → `meta.json` (finished). The next start with the same settings finds the latest of them and continues from there.
"""

from __future__ import annotations

import shutil
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from accelerate import Accelerator

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.training.config.train_config import TrainConfig, check_use_of_answers, with_start
from samekind.training.diagnostics.probe import draw_probe, note_on_labels
from samekind.training.engine.context import RunContext
from samekind.training.engine.epochs import train_epochs
from samekind.training.engine.loss import Loss
from samekind.training.engine.networks import build_network
from samekind.training.false_negatives.base_rate import AutoPrior, estimate_prior
from samekind.training.false_negatives.build_detector import build_detector
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.guide import outside_files
from samekind.training.false_negatives.links import LinkConstraints
from samekind.training.false_negatives.same_content import find_same_content, leak_line
from samekind.training.models.encoder import Encoder
from samekind.training.run.begin import Begun, begin
from samekind.training.run.finish import finish
from samekind.training.run.meta import meta_at_start, summary_of, verdicts_line
from samekind.training.run.request import (
    RunRequest,
    first_prior,
    first_resize,
    is_begun,
    is_finished,
    refuse_old_backbone,
    with_first_answers,
    with_first_length,
    with_first_prior,
    write_answers,
)
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import (
    ANSWERS,
    META,
    METRICS,
    WEIGHTS,
    check_writable,
    read_history,
    read_meta,
    write_json,
)
from samekind.training.runtime.checkpoint_copy import CheckpointCopy
from samekind.training.runtime.devices import choose_device
from samekind.training.runtime.lock import exclusive
from samekind.training.runtime.processes import accelerator_on, agreed, check_shareable, lost_process_told
from samekind.training.training_set import TrainingImages, training_corpus

Start = Literal["continue", "resume", "force"]
"""Treatment of a run that lies in the folder: `continue` keeps or continues it if it is the same one, `resume` demands one to continue,
`force` replaces one with other settings, or a finished one."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        out: its artefact.
        config: its settings.
        summary: what `samekind train --json` prints.
        kept: True if it had been finished before and nothing was trained.
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
    start: Start = "continue",
    answers: LinkConstraints | None = None,
    probe: bool = True,
    progress: Progress | None = None,
) -> Run:
    """Trains an encoder on a corpus' training split and writes it to an artefact.

    A finished run with the same settings is kept, an unfinished one continues (bitwise on CPU), with the answers that it began with.

    Args:
        corpus: the images; their labels are only measured with.
        config: the settings.
        out: folder of the artefact.
        start: see `Start`; this very run, interrupted, continues whatever it says, with its own answers.
        answers: pairwise annotations; those about images that are not trained on are left out. Of several processes the first one's are
            everybody's.
        probe: also look at the fixed probe, every epoch and once against all images in training; changes no weight.
        progress: shows bars and a line an epoch.

    Raises:
        ArtefactError: the folder cannot be written or holds a run with other settings.
        InputError: `resume` without a checkpoint, answers for an objective that has no use for them, or `confirmed` without answers.
        CorpusError: fewer than two training images.
        SamekindError: the loss is not finite, or another process of this training has ended.
        KeyboardInterrupt: Ctrl-C, after the state was saved.
    """
    out = Path(out)
    _check_start(out, start, config)
    check_use_of_answers(config, given=answers is not None)
    config = with_start(config, given=answers is not None)
    chosen = training_corpus(corpus, config)
    accelerator = accelerator_on(choose_device(config.device))
    check_shareable(config, accelerator.num_processes)
    check_writable(out)
    first = accelerator.is_main_process  # the others take its word for everything on disk, and write nothing
    progress = (progress or NoProgress()) if first else NoProgress()
    copy = CheckpointCopy(config.checkpoint_to, out, progress) if first and config.checkpoint_to else None
    lock, copying = exclusive(out) if first else nullcontext(), closing(copy) if copy else nullcontext()
    with lock, lost_process_told(accelerator, out), copying:
        request = RunRequest(config, corpus, outside_files(config), answers)
        request, kept = _agreed_request(out, request, start, accelerator, progress)
        config = request.config
        if kept:
            return Run(out, config, summary_of(out, read_meta(out)), kept=True)
        resize = agreed(accelerator, first_resize(out, request) if first else None)
        begun = begin(chosen, config, progress, request.answers, resize)
        images, encoder = begun.images, begun.encoder
        prior = _agreed_prior(out, request, images, accelerator)
        loss = _build_loss(
            config if prior is None else replace(config, prior=prior.share), begun, request.answers, progress
        )
        drawn = draw_probe(images, config) if probe else None
        context = RunContext(config, images, out, request.digest, accelerator, progress, drawn, copy)
        meta = meta_at_start(request, begun, loss.constraints, prior)
        if first:
            _write_start(context, request, begun, meta, start)
        accelerator.wait_for_everyone()
        if leak := leak_line(corpus, images.hashes):
            progress.print(leak)
        if probe and (note := note_on_labels(images, config, drawn)):
            progress.print(note)
        counters = train_epochs(context, encoder, loss)
        if first:
            finish(context, corpus, encoder, loss, counters, meta)
        accelerator.wait_for_everyone()
        return Run(out, config, summary_of(out, read_meta(out)))


def _check_start(out: Path, start: Start, config: TrainConfig) -> None:
    """Refuses what the folder alone shows to be impossible."""
    is_there = (out / WEIGHTS).is_file() or checkpoint.exists(out) or config.checkpoint_to
    if start == "resume" and not is_there:
        raise InputError(f"{out} holds no checkpoint to resume", hint="leave out --resume to start a new run")
    if start != "force":
        refuse_old_backbone(out)
    if config.guide and Path(config.guide).resolve() == out.resolve():
        raise InputError("a run cannot be its own guide", hint="choose another --out")


def _agreed_request(
    out: Path, request: RunRequest, start: Start, accelerator: Accelerator, progress: Progress
) -> tuple[RunRequest, bool]:
    """The request with the first process' answers and length, and True if it lies there already, finished."""
    if accelerator.is_main_process:
        request = request if start == "force" else with_first_length(out, request, progress)
        request = request if start == "force" else with_first_prior(out, request, progress)
        request = with_first_answers(out, request, progress)
    kept = accelerator.is_main_process and start != "force" and is_finished(out, request)
    config, answers, kept = agreed(accelerator, (request.config, request.answers, kept))
    return replace(request, config=config, answers=answers), kept


def _agreed_prior(out: Path, request: RunRequest, images: TrainingImages, accelerator: Accelerator) -> AutoPrior | None:
    """What `auto` comes to, once a run and by the first process; `None` where a share was stated or none is assumed."""
    if not request.config.estimates_prior:
        return None
    found = (first_prior(out, request) or estimate_prior(images)) if accelerator.is_main_process else None
    return agreed(accelerator, found)


def _build_loss(config: TrainConfig, begun: Begun, answers: LinkConstraints | None, progress: Progress) -> Loss:
    """The loss. Whatever is unavailable or cannot be built is refused here, before the folder changes."""
    known = None if answers is None else PairConstraints(answers, begun.images.hashes)
    with torch.random.fork_rng(devices=[]):  # thrown away: the trained one must start from the run's own numbers
        build_network(config, begun.encoder)
    copies = find_same_content(begun.images, config, progress)
    return Loss(config, len(begun.images.fit), build_detector(config, begun.images, progress), known, copies)


def _write_start(context: RunContext, request: RunRequest, begun: Begun, meta: dict[str, Any], start: Start) -> None:
    """Makes the folder that of this run."""
    out = context.out
    if begun.start is not None:
        context.progress.print(begun.start.line)
    if "prior" in meta:
        context.progress.print(AutoPrior(**meta["prior"]).line)
    if "verdicts" in meta:
        context.progress.print(verdicts_line(meta["verdicts"]))
    if start == "force" and not (is_begun(out, request) and checkpoint.is_whole(out, request.digest)):
        _clear(out)  # only now: whatever is wrong with the request has been refused before
    if context.copy is not None and start != "force":
        context.copy.fetch(context.digest)  # or it is another run's, and nothing has been written
        if start == "resume" and not checkpoint.exists(out):
            raise InputError(
                f"{out} and {context.config.checkpoint_to} hold no checkpoint to resume",
                hint="leave out --resume to start a new run",
            )
    write_answers(out, request.answers)  # before the meta data, which name their content
    write_json(out / META, meta)


def _clear(out: Path) -> None:
    """Removes a run's own files; index and verdicts stay."""
    for name in (META, METRICS, WEIGHTS, ANSWERS):
        (out / name).unlink(missing_ok=True)
    for folder in (checkpoint.CHECKPOINT.parent, Path("tensorboard")):
        if (out / folder).exists():
            shutil.rmtree(out / folder)
