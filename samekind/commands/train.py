"""`samekind train`: every setting of a run is a flag."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import arg

import samekind
from samekind.commands.shared import CorpusName, DataDir, Json, command_line, load_corpus, setting
from samekind.core.text import counted
from samekind.tables import table
from samekind.training.config.presets import PRESETS, preset_agreements, preset_differences
from samekind.training.config.train_config import (
    CPC_CONTEXTS,
    DETECTORS,
    NCE_FORMS,
    OBJECTIVES,
    TREATMENTS,
    check_use_of_answers,
)

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Train:
    """Trains an encoder on a corpus, without labels.

    The same command continues an interrupted run and keeps a finished one. (With other verdicts by then, a finished one is another.)

    Example:
        samekind train --corpus fashion-mnist --preset small --out artifacts/fashion-mnist
        samekind train --corpus photos --preset smoke --out artifacts/photos --objective hard --treatment soft --detector reciprocal
        samekind train --corpus photos --out artifacts/again --treatment soft_attract --detector combined --verdicts artifacts/photos
    """

    corpus: CorpusName
    out: Annotated[Path, arg(metavar="FOLDER", help="Where the artefact goes.")]
    preset: Annotated[
        str,
        arg(
            metavar="smoke|small|plain|full",
            help="Seconds to try it, minutes on a CPU, without whitening, or a GPU's work: see the table above.",
        ),
    ] = "small"
    objective: Annotated[str | None, setting("NAME", f"One of {', '.join(OBJECTIVES)}.")] = None
    temperature: Annotated[float | None, setting("TAU", "Divides cosine similarities.")] = None
    beta: Annotated[float | None, setting("BETA", "Hardness: how much harder negatives weigh more.")] = None
    beta_end: Annotated[float | None, setting("BETA", "Hardness at the last step, reached in a straight line.")] = None
    tau_plus: Annotated[
        float | None, setting("SHARE", "Of debiased and hard: assumed share of false negatives; 0 beside a treatment.")
    ] = None
    nce_form: Annotated[str | None, setting("NAME", f"Of nce: {' or '.join(NCE_FORMS)}.")] = None
    cpc_context: Annotated[str | None, setting("NAME", f"Of cpc: {' or '.join(CPC_CONTEXTS)}.")] = None
    treatment: Annotated[str | None, setting("NAME", f"Of suspected false negatives: {', '.join(TREATMENTS)}.")] = None
    detector: Annotated[str | None, setting("NAME", f"Which suspects them: {', '.join(DETECTORS)}.")] = None
    detector_point: Annotated[float | None, setting("SCORE", "Pairs above it are suspected.")] = None
    prior: Annotated[
        float | None, setting("SHARE", "Of false negatives, assumed by quantile, posterior, relation, combined.")
    ] = None
    treatment_start: Annotated[float | None, setting("SHARE", "Of the steps before treatment, at most 0.5.")] = None
    verdicts: Annotated[
        Path | None,
        arg(metavar="ARTEFACT", help="Train with what people have said of pairs there.", help_behavior_hint=""),
    ] = None
    confirmed: Annotated[
        str | None, setting("NAME", "What becomes of pairs that they called the same: attract or drop.")
    ] = None
    neighbours: Annotated[
        float | None, setting("SHARE", "Of the images: reciprocal's k; cluster makes one over it clusters.")
    ] = None
    guide: Annotated[
        str | None, setting("NAME", "Of guide and combined: an ARTEFACT, timm/NAME or open_clip/NAME.")
    ] = None
    guide_weights: Annotated[str | None, setting("FILE", "Checkpoint of a timm/ or open_clip/ guide.")] = None
    epochs: Annotated[int | None, setting("N", "Passes over the images.")] = None
    steps: Annotated[int | None, setting("N", "Stop after so many steps instead.")] = None
    batch_size: Annotated[int | None, setting("N", "Images a step.")] = None
    effective_batch: Annotated[
        int | None, setting("N", "Images that a step contrasts, in the memory of --batch-size.")
    ] = None
    learning_rate: Annotated[float | None, setting("RATE", "AdamW's, at the peak.")] = None
    image_size: Annotated[int | None, setting("PIXELS", "Side of the encoder's input.")] = None
    backbone: Annotated[str | None, setting("NAME", "resnet-small, timm/NAME or open_clip/NAME.")] = None
    queue_size: Annotated[int | None, setting("N", "Keys of a MoCo queue; 0 for none.")] = None
    strength: Annotated[str | None, setting("NAME", "How much views are altered: none, light, medium or heavy.")] = None
    whitening: Annotated[float | None, setting("EXPONENT", "Of the fitted whitening; 0 leaves it out.")] = None
    precision: Annotated[str | None, setting("NAME", "auto, float32 or bfloat16.")] = None
    limit: Annotated[int | None, setting("N", "Train on at most this many images.")] = None
    label_level: Annotated[
        str | None,
        setting(
            "LEVEL", "Of labels to count false negatives by: coarse, fine (class/subclass), or a number of folders."
        ),
    ] = None
    seed: Annotated[int | None, setting("N", "Of weights, order, views and hold-out.")] = None
    workers: Annotated[int | None, setting("N", "Processes that make views; changes no result.")] = None
    device: Annotated[str | None, setting("NAME", "auto, cpu, cuda or mps.")] = None
    data_dir: DataDir = None
    resume: Annotated[bool, arg(help="Demand a checkpoint to continue from.")] = False
    force: Annotated[bool, arg(help="Replace a run with other settings in the same folder.")] = False
    json: Json = False

    SETTINGS: ClassVar[tuple[str, ...]] = (
        "objective", "temperature", "beta", "beta_end", "tau_plus", "nce_form", "cpc_context", "treatment", "detector",
        "detector_point", "prior", "treatment_start", "confirmed", "neighbours", "guide", "guide_weights", "epochs", "steps", "batch_size",
        "effective_batch", "learning_rate", "image_size", "backbone",
        "queue_size", "strength", "whitening", "precision", "limit", "label_level", "seed", "workers", "device",
    )  # fmt: skip

    @staticmethod
    def epilog() -> str:
        """What the presets set, as the code has it; `--help` ends its description with it."""
        rows = [[f"    {name}", *values] for name, values in preset_differences().items()]
        alike = ", ".join(f"{name} {value}" for name, value in preset_agreements().items())
        return "\n".join(
            [
                "Presets (a flag, or in Python an argument of this name, replaces a single value):",
                table(["", *PRESETS], rows),
                *textwrap.wrap(f"In all of them: {alike}.", 116, initial_indent="    ", subsequent_indent="    "),
            ]
        )

    def run(self, console: Console) -> None:
        """Trains and prints the summary with the next commands."""
        from samekind.training.runtime.artefact import check_writable

        overrides = {name: getattr(self, name) for name in self.SETTINGS}
        check_use_of_answers(samekind.preset(self.preset, **overrides), given=self.verdicts is not None)
        check_writable(self.out)
        corpus = load_corpus(self.corpus, self.data_dir, console)
        run = samekind.train(
            corpus,
            self.preset,
            self.out,
            force=self.force,
            resume=self.resume,
            verdicts=self.verdicts,
            progress=console.progress,
            **overrides,
        )
        if run.kept:
            console.say(f"{self.out} holds a finished run with these settings: kept (--force trains again)")
        console.answer(run.summary, self._text(run.summary, run.config.method))

    def _text(self, summary: Mapping[str, Any], method: str) -> str:
        accuracy = summary["knn_accuracy"]
        figures = str(summary.get("note")) if accuracy is None else f"k-NN accuracy {accuracy:.4f}"
        data_dir = ("--data-dir", self.data_dir) if self.data_dir else ()
        following = command_line("index", "--corpus", self.corpus, "--encoder", self.out, "--out", self.out, *data_dir)
        return (
            f"{method}, {counted(summary['epochs'], 'epoch')} in {summary['seconds']:.0f} s: {figures}\n"
            f"encoder: {summary['encoder']}\n"
            f"next: {following}"
        )
