"""`samekind export`: an encoder or its vectors for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

import samekind
from samekind.commands.folders.elsewhere import publish
from samekind.commands.shared import Json, at_least, folder_exists
from samekind.core.errors import InputError

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class Export:
    """Writes an encoder as ONNX or as a folder to publish, an index as a LanceDB table, its vectors and neighbours as Parquet.

    The ONNX file takes decoded images of any size: resizing, cropping and normalisation are inside it.

    Example:
        samekind export artifacts/photos --vectors photos.parquet
        samekind export artifacts/photos --knn neighbours.parquet --k 20
        samekind export artifacts/photos --onnx photos.onnx --save-pretrained photos-encoder
        samekind export lite0 --onnx lite0.onnx
        samekind export artifacts/photos --lance s3://bucket/photos
    """

    artefact: Annotated[
        Positional[str], arg(metavar="ARTEFACT|MODEL", help="Folder made by train or index, or a model's name.")
    ]
    onnx: Annotated[Path | None, arg(metavar="FILE.onnx", help="Write the encoder here.", help_behavior_hint="")] = None
    save_pretrained: Annotated[
        Path | None,
        arg(metavar="FOLDER", help="Write weights, config.json and a model card here.", help_behavior_hint=""),
    ] = None
    vectors: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Write the vectors of the index here: .parquet, or .npy with the ids in FILE.ids.txt.",
            help_behavior_hint="",
        ),
    ] = None
    knn: Annotated[
        Path | None,
        arg(
            metavar="FILE.parquet",
            help="Write the nearest neighbours of every image here: id, neighbour, rank, similarity.",
            help_behavior_hint="",
        ),
    ] = None
    k: Annotated[int, arg(metavar="N", help="How many neighbours for --knn.")] = 10
    lance: Annotated[
        str | None,
        arg(
            metavar="FOLDER|ADDRESS",
            help="Publish the index here, or bring it up to date, for samekind search --engine lancedb.",
            help_behavior_hint="",
        ),
    ] = None
    codes: Annotated[
        Literal["pq", "rq"] | None,
        arg(
            help="Of LanceDB's index for --lance: rq (RaBitQ) is made in a fraction of the time.",
            help_behavior_hint="(default: those there, or pq)",
        ),
    ] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Writes what is asked for."""
        from samekind.training.config.model import names_model

        of_index = self.vectors or self.knn or self.lance
        if not (self.onnx or self.save_pretrained or of_index):
            hint = "name at least one of --onnx, --save-pretrained, --vectors, --knn and --lance"
            raise InputError("nothing to export", hint=hint)
        if self.codes is not None and not self.lance:
            raise InputError("--codes are of an index that is published", hint="name its place: --lance FOLDER")
        at_least("--k", self.k, 1)
        if of_index and not names_model(self.artefact):
            folder_exists(Path(self.artefact))
        elif of_index:
            raise InputError(f"{self.artefact} is a model without an index", hint="index a corpus with it first")
        written = {}
        if self.vectors:
            samekind.export_vectors(self.artefact, self.vectors)
            written["vectors"] = str(self.vectors)
        if self.knn:
            samekind.export_neighbours(self.artefact, self.knn, self.k, progress=console.progress)
            written["knn"] = str(self.knn)
        if self.onnx or self.save_pretrained:
            written |= self._encoder(console)
        lines = [f"wrote {path}" for path in written.values()]
        if self.lance:
            lines.append(publish(samekind.Index.open(self.artefact), self.lance, console, self.codes)[1])
            written["lance"] = self.lance
        console.answer({"written": written}, "\n".join(lines))

    def _encoder(self, console: Console) -> dict[str, str]:
        encoder, written = samekind.load_encoder(self.artefact), {}
        if self.save_pretrained and self.artefact.startswith("open_clip/"):
            console.say("the text tower is not saved: words need an index on the model, which can be exported with it")
        if self.save_pretrained:
            written["save_pretrained"] = str(encoder.save_pretrained(self.save_pretrained))
        if self.onnx:
            written["onnx"] = str(encoder.to_onnx(self.onnx))
        return written
