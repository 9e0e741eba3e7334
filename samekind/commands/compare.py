"""`samekind compare`: its flags are the settings of a comparison, which checks them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

import samekind
from samekind.commands.shared import (
    DataDir,
    Depth,
    Exclude,
    Frames,
    Json,
    Labels,
    Layout,
    MaxPixels,
    Several,
    listed,
    setting,
)
from samekind.data.types.reading import Reading

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Compare:
    """Compares objectives and treatments of false negatives: same encoder, images, steps, views and seeds for each.

    Every finished trial (method × corpus × seed) is kept; the same command resumes where it stopped and computes nothing twice.

    Example:
        samekind compare --corpora fashion-mnist,cifar10 --seeds 3 --budget 120s --out artifacts/results
        samekind compare --corpora photos --labels photos/species.csv:kind --methods info_nce,hard --seeds 1 --budget 200steps --curves
    """

    corpora: Annotated[str, arg(metavar="NAME|FOLDER,…", help="Names or folders, with commas between them.")]
    methods: Annotated[
        str | None, arg(metavar="NAME,…", help="Only these rows.", help_behavior_hint="(default: all)")
    ] = None
    seeds: Annotated[int, arg(metavar="N", help="How many: 0, 1, …")] = 3
    budget: Annotated[
        str,
        arg(metavar="120s|500steps", help="A time is turned into steps once, on info_nce; all methods get the same."),
    ] = "120s"
    train_images: Annotated[int, arg(metavar="N", help="Every trial trains on at most this many.")] = 20_000
    image_size: Annotated[
        int | None,
        arg(metavar="PIXELS", help="Side of the encoder's input.", help_behavior_hint="(default: the corpus' own)"),
    ] = None
    batch_size: Annotated[int | None, setting("N", "Images a step.")] = None
    preset: Annotated[str, arg(metavar="plain|smoke|small|full", help="Everything else.")] = "plain"
    knn_k: Annotated[int, arg(metavar="N", help="Neighbours that vote; 200 is usual for CIFAR.")] = 20
    curves: Annotated[
        bool, arg(help="Also accuracy against β, batch size and augmentation: first corpus, one seed.")
    ] = False
    precision: Annotated[
        str, arg(metavar="NAME", help="float32, bfloat16, or auto: what this machine is faster with.")
    ] = "auto"
    jobs: Annotated[int, arg(metavar="N", help="Trials computed at once, each with its share of the cores.")] = 1
    frames: Frames = Reading.frames
    max_pixels: MaxPixels = Reading.max_pixels
    depth: Depth = None
    layout: Layout = None
    labels: Labels = None
    several: Several = None
    exclude: Exclude = ()
    data_dir: DataDir = None
    out: Annotated[Path, arg(metavar="FOLDER", help="Where trials, tables and plots go.")] = Path("artifacts/results")
    work: Annotated[Path, arg(metavar="FOLDER", help="Where unfinished trainings lie.")] = Path("artifacts/compare")
    workers: Annotated[int | None, setting("N", "Processes that make views; changes no figure but the speed.")] = None
    device: Annotated[str, arg(metavar="NAME", help="auto, cpu, cuda or mps.")] = "auto"
    json: Json = False

    def run(self, console: Console) -> None:
        """Computes what is missing and prints the tables."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("corpora", "methods", "json")}
        comparison = samekind.compare(
            listed(self.corpora), methods=listed(self.methods or ""), progress=console.progress, **given
        )
        console.answer(comparison.to_dict(), comparison.text())
        comparison.raise_failures()
