"""`samekind index`: builds an index, adds to it or takes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

import samekind
from samekind.commands.folders.elsewhere import copy_here, publish
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
    check_apart,
    command_line,
    folder_arguments,
    folder_flags,
    load_corpus,
)
from samekind.core.csv_files import write_csv
from samekind.core.errors import InputError
from samekind.core.text import counted
from samekind.data.decoding.object_store import is_address

if TYPE_CHECKING:
    from samekind.console import Console


@dataclass(frozen=True)
class BuildIndex:
    """Embeds a corpus into an index that can be searched and audited.

    Run on an index that is there already, it adds the images that are new by content, or removes the ones named.

    Example:
        samekind index --corpus photos --out artifacts/photos
        samekind index --corpus photos --labels photos/metadata.csv:species --exclude '*_thumb.jpg' --out artifacts/species
        samekind index --corpus fashion-mnist --encoder artifacts/fashion-mnist --out artifacts/fashion-mnist
        samekind index --corpus photos --encoder lite0 --crops 2 --out artifacts/photos
        samekind index --vectors my.parquet --corpus photos --out artifacts/my
        samekind index --corpus scans --frames all --max-pixels 500000000 --out artifacts/scans
        samekind index --corpus photos --out artifacts/photos --watch
        samekind index --corpus photos --out artifacts/photos --missing missing.csv
        samekind index --out artifacts/photos --remove train/00003 train/00007
        samekind index --corpus photos --out s3://bucket/photos
        samekind index --corpus photos --out artifacts/photos --engine ray
        samekind index --corpus photos.parquet --out artifacts/photos
    """

    out: Annotated[
        str,
        arg(
            metavar="FOLDER|ADDRESS",
            help="The index's folder, usually the artefact's. s3://bucket/photos is published to, from artifacts/s3+bucket+photos.",
        ),
    ]
    corpus: Annotated[str | None, arg(metavar="NAME|FOLDER|FILE", help="As for train.", help_behavior_hint="")] = None
    encoder: Annotated[
        str | None,
        arg(
            metavar="ARTEFACT|MODEL",
            help="A trained encoder, or a pretrained one: lite0, timm/NAME[@FILE], open_clip/NAME[@TAG|FILE], hf-hub:ORG/NAME.",
            help_behavior_hint="(default: that of --out; lite0 for photos)",
        ),
    ] = None
    whitening: Annotated[
        float | None,
        arg(
            metavar="EXPONENT",
            help="Whiten a pretrained model by its variances to this power; 0 leaves it out.",
            help_behavior_hint="(default: by mutual neighbours; 0 if it embeds text)",
        ),
    ] = None
    crops: Annotated[
        int | None,
        arg(
            metavar="1|2",
            help="Crops of each image for a pretrained model, their features averaged; 2 takes twice the time.",
            help_behavior_hint="(default: 1, or as --out has it)",
        ),
    ] = None
    vectors: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Your own embeddings instead of an encoder: .parquet with id and vector, or .npy with FILE.ids.txt.",
            help_behavior_hint="",
        ),
    ] = None
    engine: Annotated[
        Literal["local", "ray"],
        arg(
            help="What embeds: this process, or workers of Ray, which have to see the folder under the same path, or its store."
        ),
    ] = "local"
    ray_address: Annotated[
        str | None,
        arg(
            metavar="HOST:PORT",
            help="A Ray cluster that is there.",
            help_behavior_hint="(default: RAY_ADDRESS, or one of this machine for the time of the command)",
        ),
    ] = None
    watch: Annotated[
        bool, arg(help="Then follow the folder: take in what comes or changes, take out what goes, until Ctrl-C.")
    ] = False
    merge: Annotated[
        bool, arg(help="Build the index file anew with the changes that lie beside it, for programs that read it.")
    ] = False
    remove: Annotated[tuple[str, ...], arg(metavar="ID", help="Take these out.", help_behavior_hint="")] = ()
    missing: Annotated[
        Path | None,
        arg(
            metavar="FILE.csv",
            help="Also write which images of the index are not among those of the corpus any more, and why.",
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
    json: Json = False

    def run(self, console: Console) -> None:
        """Builds, extends or thins the index and prints its size."""
        from samekind.training.runtime.artefact import check_file_writable

        if self.engine != "local" and (self.watch or self.remove or self.vectors is not None or self.corpus is None):
            raise InputError(
                f"--engine {self.engine} embeds the images of a corpus, once",
                hint="leave it out, or name --corpus alone",
            )
        if self.watch and is_address(self.out):
            raise InputError(
                "--watch follows a folder into a folder", hint="publish now and then: samekind export --lance"
            )
        if self.watch and (
            self.remove or self.vectors is not None or self.corpus is None or not Path(self.corpus).is_dir()
        ):
            raise InputError("--watch follows a folder of images", hint="name it: --corpus FOLDER --watch")
        if self.missing is not None:
            if self.corpus is None or self.vectors is not None or self.remove:
                raise InputError("--missing compares with a corpus", hint="name it: --corpus FOLDER --missing FILE.csv")
            check_file_writable(self.missing)
        build = self._build if self.vectors is None else self._take_vectors
        alone = self.merge and self.corpus is None and self.vectors is None  # nothing to build
        index, removed = self._thin(console) if self.remove or alone else (build(console), 0)
        if self.merge:
            index.merge(console.progress)
        answer = {"index": str(self.folder), "num_images": len(index), "dim": index.dim, "removed": removed}
        took_out = f" ({removed} taken out)" if removed else ""
        others = "".join(f"\n      {command_line(name, self.folder)}" for name in ("audit", "evaluate", "demo"))
        words = f"\n      {command_line('search', self.folder, '--text', 'red shoe')}" if index.has_text else ""
        query = (
            ("IMAGE",) if self.vectors is None else ("--like", index.ids[0])
        )  # there is no encoder to embed an image with
        following = command_line("search", self.folder, *query) + words + others
        lines = f"{counted(len(index), 'image')} in {self.folder}{took_out}\nnext: {following}"
        if is_address(self.out):
            published, line = publish(index, self.out, console)
            answer, lines = {**answer, "published": published.to_dict()}, f"{lines}\n{line}"
        console.answer(answer, lines)
        if self.watch and self.corpus is not None:
            from samekind.commands.folders.watch import EVERY_SECONDS, watch

            watch(index, Path(self.corpus), partial(self._load, self.corpus), console, EVERY_SECONDS)

    @property
    def folder(self) -> Path:
        """The index's folder, of an address that of the artefact that is published there."""
        return copy_here(self.out) if is_address(self.out) else Path(self.out)

    def _thin(self, console: Console) -> tuple[samekind.Index, int]:
        index = samekind.Index.open(self.folder)
        return index, index.remove(self.remove, progress=console.progress) if self.remove else 0

    def _take_vectors(self, console: Console) -> samekind.Index:
        from samekind.indexer.storage.vector_files import read_vector_file

        assert self.vectors is not None
        for name, value in (("encoder", self.encoder), ("crops", self.crops)):
            if value is not None:
                raise InputError(
                    f"--vectors and --{name} exclude each other", hint="vectors that are given need no encoder"
                )
        rows = read_vector_file(self.vectors)
        corpus = None if self.corpus is None else self._load(self.corpus, console)
        return samekind.index_vectors(
            rows.vectors,
            rows.ids,
            self.folder,
            labels=rows.texts.get("label"),
            splits=rows.texts.get("split"),
            uris=rows.texts.get("uri"),
            sha256=rows.texts.get("sha256"),
            corpus=corpus,
            name=self.vectors.stem,
            made_by=rows.made_by,
            progress=console.progress,
        )

    def _load(self, corpus: str, console: Console) -> samekind.Corpus:
        return load_corpus(corpus, self.data_dir, console, folder_arguments(self), self.folder)

    def _build(self, console: Console) -> samekind.Index:
        from samekind.training.models.pretrained.require_encoder import require_encoder
        from samekind.training.runtime.artefact import WEIGHTS, check_writable

        if self.corpus is None:
            raise InputError("no corpus to index", hint="name one: --corpus fashion-mnist, or a folder")
        encoder = self.encoder or (str(self.folder) if (self.folder / WEIGHTS).is_file() else None)
        if encoder is not None:
            require_encoder(encoder)  # before the corpus is read
        check_apart(self.corpus, self.folder)
        check_writable(self.folder)
        corpus = self._load(self.corpus, console)
        if encoder is None:
            encoder = self._default_encoder(corpus, console)
        index = samekind.build_index(
            corpus,
            encoder,
            self.folder,
            progress=console.progress,
            whitening=self.whitening,
            crops=self.crops,
            engine=self.engine,
            ray_address=self.ray_address,
        )
        if self.missing is not None:
            found = index.missing(corpus)
            write_csv(self.missing, ("id", "reason"), found.items())
            console.say(f"wrote {counted(len(found), 'missing image')} to {self.missing}")
        return index

    def _default_encoder(self, corpus: samekind.Corpus, console: Console) -> str:
        """A pretrained model for photos; an encoder that has yet to be trained is none to index with."""
        from samekind.training.config.model import names_model
        from samekind.training.models.pretrained.default import default_encoder

        name, reason = default_encoder(corpus)
        if not names_model(name):
            train = command_line("train", "--corpus", self.corpus, "--out", self.folder, *folder_flags(self))
            raise InputError(reason, hint=f"train it first: {train}, or name a pretrained one: --encoder lite0")
        console.say(reason)
        return name
