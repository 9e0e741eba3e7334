"""`samekind quickstart`: from a folder of images to the demo, by the encoder that suits them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import Positional, arg

import samekind
from samekind.commands.shared import (
    Depth,
    Exclude,
    Frames,
    Json,
    Labels,
    Layout,
    MaxPixels,
    Several,
    check_port,
    command_line,
    folder_arguments,
    load_corpus,
)
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Quickstart:
    """Indexes a folder of images with the encoder that suits them, and opens the demo.

    Photos get a pretrained encoder, so nothing is trained; for grey pictures below 96 px and colour ones below 32 px one
    is trained first. Run again, it adds what is new in the folder.

    Example:
        samekind quickstart photos
        samekind quickstart photos --crops 2
        samekind quickstart photos --out artifacts/photos --no-demo
    """

    corpus: Annotated[Positional[str], arg(metavar="FOLDER", help="A folder of images.")]
    out: Annotated[
        Path | None,
        arg(metavar="FOLDER", help="The artefact.", help_behavior_hint="(default: artifacts/ and the folder's name)"),
    ] = None
    crops: Annotated[
        int | None,
        arg(
            metavar="1|2",
            help="Crops of each photo, their features averaged; 2 takes twice the time.",
            help_behavior_hint="(default: 1, or as --out has it)",
        ),
    ] = None
    preset: Annotated[str, arg(metavar="NAME", help="Of the training, where one is needed: as for train.")] = "small"
    port: Annotated[int, arg(metavar="N", help="The next free one is taken if it is in use.")] = 8501
    frames: Frames = None
    max_pixels: MaxPixels = None
    depth: Depth = None
    no_demo: Annotated[bool, arg(help="Stop when the index is there.")] = False
    layout: Layout = None
    labels: Labels = None
    several: Several = None
    exclude: Exclude = ()
    json: Json = False

    def run(self, console: Console) -> None:
        """Indexes, evaluates what is new if there are labels, and serves until Ctrl-C."""
        from samekind.demo import serve, streamlit_command
        from samekind.training.runtime.artefact import check_writable

        out = self.out or Path("artifacts") / Path(self.corpus).expanduser().resolve().name
        check_port(self.port)
        check_writable(out)
        if not self.no_demo:
            streamlit_command(out, "127.0.0.1", self.port)  # says what is not installed before minutes are spent
        corpus = load_corpus(self.corpus, None, console, folder_arguments(self), out)
        before = _state(out)
        encoder = self._encoder(corpus, out, console)
        index = samekind.build_index(corpus, encoder, out, progress=console.progress, crops=self.crops)
        evaluation = _evaluation(index, console) if _state(out) != before else None
        if not self.no_demo:
            serve(out, host="127.0.0.1", port=self.port, console=console)
            return
        answer = {"index": str(out), "num_images": len(index), "dim": index.dim, "evaluation": evaluation}
        console.answer(answer, f"{counted(len(index), 'image')} in {out}\nnext: {command_line('demo', out)}")

    def _encoder(self, corpus: samekind.Corpus, out: Path, console: Console) -> str | Path:
        """The encoder that `out` holds; otherwise a pretrained model's name, or `out` once a training has put one there."""
        from samekind.training.config.model import names_model
        from samekind.training.models.pretrained.default import default_encoder
        from samekind.training.runtime.artefact import WEIGHTS

        if (out / WEIGHTS).is_file():
            console.say(f"the encoder is that of {out}")
            return out
        name, reason = default_encoder(corpus)
        console.say(reason)
        if names_model(name):
            return name
        samekind.train(corpus, self.preset, out, progress=console.progress, crops=self.crops or 1)
        return out


def _state(out: Path) -> bytes | None:
    """Differs between any two states of an index; `None` without one."""
    from samekind.indexer.storage.layout import MANIFEST

    return (out / MANIFEST).read_bytes() if (out / MANIFEST).is_file() else None


def _evaluation(index: samekind.Index, console: Console) -> dict[str, Any] | None:
    """Figures, which people see at once; `None` where there are no labels or no test images to measure by."""
    from samekind.tables import evaluation_text

    if index.labels is None or "test" not in index.splits:
        return None
    answer = samekind.evaluate(index.path, progress=console.progress).to_dict()
    for line in evaluation_text(answer).splitlines():
        console.say(line)
    return answer
