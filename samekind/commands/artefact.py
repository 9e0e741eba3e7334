"""Commands that read an artefact: `audit`, `evaluate`, `detectors` and `demo`. Nothing changes what they read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

import samekind
from samekind.commands.shared import Artefact, Json, at_least, check_port, folder_exists

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Audit:
    """Counts how many of each image's hardest negatives are of its own class.

    Example:
        samekind audit artifacts/fashion-mnist --k 10
        samekind audit artifacts/fashion-mnist --json > audit.json
        samekind audit artifacts/photos --label-level fine
        samekind audit artifacts/fashion-mnist --html audit.html --csv pairs.csv
    """

    artefact: Artefact
    k: Annotated[int, arg(metavar="N", help="Hardest negatives an anchor.")] = 10
    anchors: Annotated[
        int | None,
        arg(metavar="N", help="A seeded sample of anchors.", help_behavior_hint="(default: all up to 200,000)"),
    ] = None
    label_level: Annotated[
        str | None,
        arg(
            metavar="LEVEL",
            help="Labels that decide: coarse, fine (class/subclass of a folder), or a number of folders.",
            help_behavior_hint="(default: the run's)",
        ),
    ] = None
    csv: Annotated[Path | None, arg(metavar="FILE", help="Also write every pair.", help_behavior_hint="")] = None
    html: Annotated[
        Path | None,
        arg(
            metavar="FILE", help="Also write a page with charts and pictures that opens offline.", help_behavior_hint=""
        ),
    ] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Audits and prints the report."""
        from samekind.tables import audit_text
        from samekind.training.runtime.artefact import check_file_writable

        at_least("--k", self.k, 1)
        if self.anchors is not None:
            at_least("--anchors", self.anchors, 1)
        folder_exists(self.artefact)
        files = [file for file in (self.csv, self.html) if file is not None]
        for file in files:
            check_file_writable(file)
        index = samekind.Index.open(self.artefact)
        report = index.audit(self.k, self.anchors, console.progress, self.label_level)
        if self.csv is not None:
            report.to_csv(self.csv)
        if self.html is not None:
            report.to_html(self.html, index)
        for file in files:
            console.say(f"wrote {file}")
        answer = report.to_dict()
        console.answer(answer, audit_text(answer))


@dataclass(frozen=True)
class Evaluate:
    """Judges an encoder on its corpus: k-NN, linear probe, hit rate and mAP on the test split. The demo shows what was found last.

    Example:
        samekind evaluate artifacts/fashion-mnist
        samekind evaluate artifacts/fashion-mnist --json
    """

    artefact: Artefact
    bare: Annotated[bool, arg(help="Embed again for the figures without whitening, where they are not known.")] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Evaluates and prints the figures."""
        from samekind.tables import evaluation_text

        folder_exists(self.artefact)
        answer = samekind.evaluate(self.artefact, bare=self.bare, progress=console.progress).to_dict()
        console.answer(answer, evaluation_text(answer))


@dataclass(frozen=True)
class Detectors:
    """Judges how well each detector finds false negatives, on the pairs of some training images.

    Example:
        samekind detectors artifacts/fashion-mnist
        samekind detectors artifacts/fashion-mnist --guide open_clip/ViT-B-32 --guide-weights vit-b-32.safetensors --json
    """

    artefact: Artefact
    images: Annotated[int, arg(metavar="N", help="Training images whose pairs are evaluated.")] = 2000
    guide: Annotated[
        str,
        arg(metavar="NAME", help="A second encoder: an ARTEFACT, timm/NAME or open_clip/NAME.", help_behavior_hint=""),
    ] = ""
    guide_weights: Annotated[str, arg(metavar="FILE", help="Its checkpoint.", help_behavior_hint="")] = ""
    json: Json = False

    def run(self, console: Console) -> None:
        """Judges and prints the table."""
        from samekind.tables import detectors_text

        at_least("--images", self.images, 2)
        folder_exists(self.artefact)
        answer = samekind.evaluate_detectors(
            self.artefact,
            images=self.images,
            guide=self.guide,
            guide_weights=self.guide_weights,
            progress=console.progress,
        ).to_dict()
        console.answer(answer, detectors_text(answer))


@dataclass(frozen=True)
class Demo:
    """Opens the Streamlit demo of an index: search by image, look at false negatives. A folder of several artefacts opens the newest.

    Example:
        samekind demo artifacts/fashion-mnist
        samekind demo artifacts
        samekind demo artifacts/fashion-mnist --port 8600
        samekind demo artifacts/fashion-mnist --base-path https://photos.example.org/app
        samekind demo artifacts/fashion-mnist --host 0.0.0.0 --allow-training
    """

    artefact: Artefact
    port: Annotated[int, arg(metavar="N", help="The next free one is taken if it is in use.")] = 8501
    host: Annotated[str, arg(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1"
    base_path: Annotated[
        str,
        arg(
            metavar="PATH|URL",
            help="Behind a proxy: the path that it forwards, or the whole address that visitors type.",
            help_behavior_hint="",
        ),
    ] = ""
    allow_training: Annotated[
        bool, arg(help="Let all who reach it start trainings, not only this machine's users.")
    ] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Serves until Ctrl-C."""
        from samekind.demo import Behind, serve

        check_port(self.port)
        behind = Behind.parse(self.base_path)
        folder_exists(self.artefact)
        first = samekind.first_run(self.artefact)
        samekind.Index.open(first)  # says what is missing before a browser would
        if first != self.artefact:
            console.say(f"it opens {first.name}, which was indexed last; the sidebar has the others")
        serve(
            self.artefact,
            host=self.host,
            port=self.port,
            console=console,
            behind=behind,
            allow_training=self.allow_training,
        )
