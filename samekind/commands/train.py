"""`samekind train`: a preset, and a flag for every setting of it that one may want to replace."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import arg

import samekind
from samekind.commands.settings_flags import FLAGS, with_settings_flags
from samekind.commands.shared import (
    CorpusName,
    DataDir,
    Depth,
    Exclude,
    Frames,
    Json,
    Labels,
    Layout,
    MaxPixels,
    Several,
    command_line,
    folder_arguments,
    folder_flags,
    load_corpus,
)
from samekind.core.text import counted
from samekind.tables import table
from samekind.training.config.presets import PRESETS, implied_preset, preset_agreements, preset_differences
from samekind.training.config.train_config import check_use_of_answers

if TYPE_CHECKING:
    from samekind.console import Console


@with_settings_flags
@dataclass(frozen=True)
class Train:
    """Trains an encoder on a corpus, without labels.

    The same command continues an interrupted run and keeps a finished one. (With other verdicts by then, a finished one is another.)

    Example:
        samekind train --corpus fashion-mnist --preset small --out artifacts/fashion-mnist
        samekind train --corpus digits --preset smoke --out artifacts/try --objective hard --treatment soft --detector reciprocal
        samekind train --corpus photos --out artifacts/tuned --train last-2 --image-size 128 --minutes 10
        samekind train --corpus photos --out artifacts/again --verdicts artifacts/photos
        samekind train --corpus photos --out artifacts/fine --treatment soft_attract --detector combined --prior 0.013
    """

    corpus: CorpusName
    out: Annotated[Path, arg(metavar="FOLDER", help="Where the artefact goes.")]
    preset: Annotated[
        str | None,
        arg(
            metavar="smoke|small|plain|full|adapter",
            help="Seconds to try it, minutes on a CPU, without whitening, a GPU's work, or on a pretrained backbone: see the table above.",
            help_behavior_hint="(default: adapter for photos and pretrained backbones, else small)",
        ),
    ] = None
    verdicts: Annotated[
        Path | None,
        arg(
            metavar="ARTEFACT",
            help="Train with the pairwise annotations and given labels there.",
            help_behavior_hint="",
        ),
    ] = None
    layout: Layout = None
    labels: Labels = None
    several: Several = None
    exclude: Exclude = ()
    frames: Frames = None
    max_pixels: MaxPixels = None
    depth: Depth = None
    data_dir: DataDir = None
    resume: Annotated[bool, arg(help="Demand a checkpoint to continue from.")] = False
    force: Annotated[bool, arg(help="Replace a run with other settings in the same folder.")] = False
    json: Json = False

    @staticmethod
    def epilog() -> str:
        """Table of the presets, made from the code; `--help` ends its description with it."""
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

        overrides = {name: getattr(self, name) for name in FLAGS}
        check_use_of_answers(
            samekind.preset(self.preset or implied_preset(overrides) or "small", **overrides),
            given=self.verdicts is not None,
        )
        check_writable(self.out)
        corpus = load_corpus(self.corpus, self.data_dir, console, folder_arguments(self), self.out)
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
        following = command_line(
            "index",
            "--corpus",
            self.corpus,
            "--encoder",
            self.out,
            "--out",
            self.out,
            *data_dir,
            *folder_flags(self),
        )
        return (
            f"{method}, {counted(summary['epochs'], 'epoch')} in {summary['seconds']:.0f} s: {figures}\n"
            f"encoder: {summary['encoder']}\n"
            f"next: {following}"
        )
