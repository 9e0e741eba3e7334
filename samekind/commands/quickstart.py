"""`samekind quickstart`: from a folder of images to the demo, by the encoder that suits them."""

from __future__ import annotations

from contextlib import AbstractContextManager
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
    check_apart,
    check_port,
    command_line,
    folder_arguments,
    load_corpus,
)
from samekind.core.progress import Progress, Task
from samekind.core.text import counted, percent

if TYPE_CHECKING:
    from samekind.console import Console

_FOR_READERS = "whitening: "  # the line says which of two, and why: for those who have read docs/decisions/0016


@dataclass(frozen=True)
class Quickstart:
    """Indexes a folder of images with the encoder that suits them, and opens the demo.

    Photos get a pretrained encoder, so nothing is trained; for grey pictures below 96 px and colour ones below 32 px one
    is trained first. Run again, it adds what is new in the folder. With labels it says how often a search is right; all figures are what
    samekind evaluate prints, and --verbose.

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
    verbose: Annotated[bool, arg(help="Print all figures, and what the vectors went through.")] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Indexes, evaluates what is new if there are labels, and serves until Ctrl-C."""
        from samekind.demo import serve, streamlit_command
        from samekind.training.runtime.artefact import check_writable

        out = self.out or Path("artifacts") / Path(self.corpus).expanduser().resolve().name
        check_port(self.port)
        check_apart(self.corpus, out)
        check_writable(out)
        if not self.no_demo:
            streamlit_command(out, "127.0.0.1", self.port)  # says what is not installed before minutes are spent
        corpus = load_corpus(self.corpus, None, console, folder_arguments(self), out)
        _check_own(corpus, out)
        before = _state(out)
        encoder = self._encoder(corpus, out, console)
        progress = console.progress if self.verbose else _Brief(console.progress)
        index = samekind.build_index(corpus, encoder, out, progress=progress, crops=self.crops)
        evaluation = self._evaluation(index, console) if _state(out) != before else None
        if not self.no_demo:
            serve(out, host="127.0.0.1", port=self.port, console=console)
            return
        answer = {"index": str(out), "num_images": len(index), "dim": index.dim, "evaluation": evaluation}
        console.answer(answer, f"{counted(len(index), 'image')} in {out}\nnext: {command_line('demo', out)}")

    def _evaluation(self, index: samekind.Index, console: Console) -> dict[str, Any] | None:
        """Figures, of which people see one at once; `None` where there are no labels or no test images to measure by."""
        from samekind.tables import evaluation_text

        if index.labels is None or "test" not in index.splits:
            return None
        found = samekind.evaluate(index.path, progress=console.progress)
        figures = found.to_dict()
        for line in evaluation_text(figures).splitlines() if self.verbose else _brief_lines(found, index.path):
            console.say(line)
        return figures

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


@dataclass(frozen=True)
class _Brief:
    """A progress that keeps to itself what only those understand who have read about it."""

    progress: Progress

    def task(self, description: str, total: int) -> AbstractContextManager[Task]:
        """As it is."""
        return self.progress.task(description, total)

    def print(self, line: str) -> None:
        """The line, if it is for everybody."""
        if not line.startswith(_FOR_READERS):
            self.progress.print(line)


def _check_own(corpus: samekind.Corpus, out: Path) -> None:
    """Refuses to mix a folder with the images of another one: a folder elsewhere may have the same name."""
    from samekind.indexer.building.update_plan import entry_for
    from samekind.indexer.storage.manifest import Manifest

    try:
        held = Manifest.read(out).corpora
    except samekind.ArtefactError:  # there is none, or one that the build mends
        return
    if held and entry_for(corpus, held).key not in {entry.key for entry in held}:
        raise samekind.InputError(
            f"{out} holds images of {', '.join(entry.source or entry.key for entry in held)}, and these are others",
            hint=f"--out {out}-2 gives them a search of their own; samekind index --corpus … --out {out} adds them; "
            "if those were moved here: samekind relocate",
        )


def _state(out: Path) -> bytes | None:
    """Differs between any two states of an index; `None` without one."""
    from samekind.indexer.storage.layout import MANIFEST

    return (out / MANIFEST).read_bytes() if (out / MANIFEST).is_file() else None


def _brief_lines(found: samekind.Evaluation, out: Path) -> list[str]:
    """The one figure that needs no explanation, where the others are, and what makes it too good; if there is none, why."""
    from samekind.indexer.audit.notes import Note, NoteCode

    if found.hit_rate_at_1 is None:
        return [f"note: {note}" for note in found.notes]
    aside = counted(found.num_test, "image that was", "images that were")
    nearest = f"the most similar of the other {found.num_train:,} is of the same class"
    line = f"for {percent(found.hit_rate_at_1, 0)} of {aside} put aside, {nearest}"
    leaks = [f"note: {note}" for note in found.notes if isinstance(note, Note) and note.code == NoteCode.LEAKS]
    return [f"{line} (more figures: {command_line('evaluate', out)})", *leaks]
