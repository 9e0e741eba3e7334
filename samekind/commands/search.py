"""`samekind search`: by images, by words, by several things at once."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

import samekind
from samekind.commands.folders.elsewhere import is_published
from samekind.commands.shared import Json, at_least, command_line, folder_exists
from samekind.core.errors import ImageError, InputError
from samekind.core.text import counted
from samekind.data.decoding.pictures import file_and_frame

if TYPE_CHECKING:
    from samekind.console import Console

EXPORTED = (".zip", ".csv", ".parquet")
"""Endings of what `sk.export_images` writes."""


@dataclass(frozen=True)
class Search:
    """Finds the images that are most like the given ones, or that show what a text says.

    Each IMAGE is a query of its own. What --text, --like and --unlike say counts for each of them, or is the query where there is no IMAGE.
    A text needs an index whose encoder embeds text: samekind index --encoder open_clip/NAME.

    Example:
        samekind search artifacts/fashion-mnist bag.png --k 5
        samekind search artifacts/fashion-mnist bag.png shirt.png --where "label = 'Bag'" --json
        samekind search artifacts/photos boot.jpg --tag "to buy"
        samekind search s3://bucket/photos boot.jpg --where "label = 'shoes'"
        samekind search artifacts/photos --queries queries.txt --k 5 > hits.jsonl
        samekind search artifacts/photos street.jpg --crop 40,60,200,150
        samekind search artifacts/photos bag.png --k all --min-similarity 0.8
        samekind search artifacts/photos bag.png --diversity 0.5
        samekind search artifacts/photos bag.png --k 50 --export found.zip
        samekind search artifacts/photos --text "red shoe"
        samekind search artifacts/photos boot.jpg --text "red shoe" --text-weight 2 --unlike sandal.jpg train/00003
    """

    artefact: Annotated[
        Positional[str], arg(metavar="ARTEFACT|ADDRESS", help="Folder made by train and index, or a published index.")
    ]
    images: Annotated[
        Positional[tuple[Path, ...]],
        arg(metavar="IMAGE|ID", help="Image files, or ids of the index.", help_behavior_hint=""),
    ] = ()
    k: Annotated[
        int | Literal["all"],
        arg(metavar="N|all", help="How many neighbours; all: every hit of --min-similarity, up to 10,000."),
    ] = 10
    queries: Annotated[
        Path | None,
        arg(
            metavar="FILE|FOLDER",
            help="Many queries: paths or ids, one a line, or the images of a folder; prints one JSON object a line.",
            help_behavior_hint="",
        ),
    ] = None
    text: Annotated[str | None, arg(metavar="WORDS", help="What the images should show.", help_behavior_hint="")] = None
    text_weight: Annotated[
        float, arg(metavar="W", help="How much the text counts beside one image; 1: as much, 0.5: half as much.")
    ] = 1.0
    crop: Annotated[
        str | None,
        arg(
            metavar="X,Y,W,H",
            help="Search with this rectangle of each IMAGE: left, top, width, height in pixels.",
            help_behavior_hint="",
        ),
    ] = None
    like: Annotated[
        tuple[str, ...],
        arg(
            metavar="IMAGE|ID", help="Hits should be like these, too: files or ids of the index.", help_behavior_hint=""
        ),
    ] = ()
    unlike: Annotated[
        tuple[str, ...],
        arg(
            metavar="IMAGE|ID", help="Hits should not be like these: files or ids of the index.", help_behavior_hint=""
        ),
    ] = ()
    unlike_weight: Annotated[float, arg(metavar="W", help="How much --unlike counts; 0 for nothing.")] = 0.25
    where: Annotated[str | None, arg(metavar="SQL", help="Only rows like these.", help_behavior_hint="")] = None
    tag: Annotated[
        str | None, arg(metavar="NAME", help="Only images with this tag (samekind tags).", help_behavior_hint="")
    ] = None
    min_similarity: Annotated[
        float | None,
        arg(metavar="S", help="Only hits of at least this similarity, -1 to 1.", help_behavior_hint="(default: all)"),
    ] = None
    diversity: Annotated[
        float, arg(metavar="D", help="0 to 1: above 0, near copies of a hit give way to others (marginal relevance).")
    ] = 0.0
    exclude_self: Annotated[bool, arg(help="Leave out rows with the query's own content.")] = False
    unadapted: Annotated[bool, arg(help="Search the encoder's own space, as if nobody had answered.")] = False
    engine: Annotated[
        Literal["faiss", "lancedb"] | None,
        arg(
            help="lancedb searches the table where it lies, in a folder or an object store, and reads nothing else into memory.",
            help_behavior_hint="(default: faiss; lancedb for an address)",
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        arg(
            metavar="N",
            help="Width × height up to which a query is read.",
            help_behavior_hint="(default: as the index was built)",
        ),
    ] = None
    export: Annotated[
        Path | None,
        arg(
            metavar="FILE",
            help="Also write the hits: .zip takes copies of the files along, .csv a list, .parquet the vectors, too.",
            help_behavior_hint="",
        ),
    ] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Searches and prints the hits."""
        from samekind.tables import search_text

        if self.k != "all":
            at_least("--k", self.k, 1)
        self._check_flags()
        index = self._opened()
        if self.max_pixels is not None:
            index.reading = replace(index.reading, max_pixels=self.max_pixels)
        if isinstance(index, samekind.PublishedIndex) and index.leaves_out_answers and not self.unadapted:
            console.say("people's answers have no part: lancedb searches the encoder's own vectors")
        search = self._search(index)
        if self.queries is not None:
            from samekind.commands.folders.queries import answer_queries, read_queries

            if self.where is not None:
                check = index.positions_where if isinstance(index, samekind.Index) else index.check_condition
                check(self.where)  # what is wrong with it is wrong with every query
            answer_queries(read_queries(self.queries), search, console)
            return
        _check_known(index, (*map(str, self.images), *self.like, *self.unlike))
        results = search([self._query(image) for image in self.images] or [self._query(None)])
        answers = [{**self._named(i), **r.to_dict()} for i, r in zip(self.images or (None,), results, strict=True)]
        answer = answers[0] if len(answers) == 1 else {"queries": answers}
        console.answer(answer, search_text(answer))
        if self.export is not None:
            self._export(index, results, console)

    def _export(
        self,
        index: samekind.Index | samekind.PublishedIndex,
        results: Sequence[samekind.SearchResult],
        console: Console,
    ) -> None:
        assert isinstance(index, samekind.Index)
        assert self.export is not None
        ids = list(dict.fromkeys(hit.id for result in results for hit in result.hits))
        written = samekind.export_images(index, ids, self.export)
        left_out = f", {written.num_left_out:,} left out: there is no room for more" if written.num_left_out else ""
        console.say(f"wrote {counted(written.num_images, 'image')} to {self.export}{left_out}")

    def _opened(self) -> samekind.Index | samekind.PublishedIndex:
        if not is_published(self.artefact):
            folder_exists(Path(self.artefact))
        if self._is_published():
            return samekind.PublishedIndex.open(self.artefact)
        return samekind.Index.open(self.artefact)

    def _is_published(self) -> bool:
        return self.engine == "lancedb" or (self.engine is None and is_published(self.artefact))

    def _search(
        self, index: samekind.Index | samekind.PublishedIndex
    ) -> Callable[[list[Any]], list[samekind.SearchResult]]:
        """Many queries at once, by what the flags say."""
        how: dict[str, Any] = {
            "k": None if self.k == "all" else self.k,
            "where": self._condition(),
            "exclude_self": self.exclude_self,
            "min_similarity": self.min_similarity,
            "diversity": self.diversity,
        }
        if isinstance(index, samekind.Index):
            how["adapted"] = not self.unadapted
        return partial(index.search, **how)  # type: ignore[return-value]  # several queries have several results

    def _check_flags(self) -> None:
        if self.queries is not None and (self.images or self.like or self.unlike or self.crop or self.text is not None):
            raise InputError("--queries takes the place of IMAGE, --text, --like, --unlike and --crop")
        if self.queries is None and not self.images and not self.like and self.text is None:
            example = command_line("search", self.artefact, "IMAGE")
            what = "nothing but --unlike" if self.unlike else "no image"
            raise InputError(f"{what} to search for", hint=f'name one: {example}, or say it: --text "red shoe"')

        if self.export is not None:
            if self.queries is not None or self._is_published():
                raise InputError("--export takes the hits of an artefact's search by IMAGE, --like or --text")
            if self.export.suffix not in EXPORTED:
                raise InputError(f"--export writes {', '.join(EXPORTED)}, got {self.export}")
            from samekind.training.runtime.artefact import check_file_writable

            check_file_writable(self.export)
        elsewhere = is_published(self.artefact)
        if self._is_published() and (self.k == "all" or (self.tag is not None and elsewhere)):
            what = "--k all" if self.k == "all" else "--tag"
            hint = "search the artefact that was published" if elsewhere else "leave --engine out"
            raise InputError(f"{what} is not for this engine", hint=hint)
        if elsewhere and self.engine == "faiss":
            raise InputError(f"{self.artefact} is searched by lancedb only", hint="leave --engine out")
        if self.crop is not None:
            if not self.images:
                raise InputError("--crop needs an IMAGE")
            _box(self.crop)
        if self.text is None and self.text_weight != 1:
            raise InputError("--text-weight needs --text")
        if not 0 < self.text_weight < inf:
            raise InputError(f"--text-weight must be a number above 0, got {self.text_weight:g}")
        if self.min_similarity is not None and not -1 <= self.min_similarity <= 1:
            raise InputError(f"--min-similarity must lie between -1 and 1, got {self.min_similarity:g}")
        if self.k == "all" and self.min_similarity is None:
            raise InputError("--k all needs --min-similarity", hint="--k all --min-similarity 0.8")
        if not 0 <= self.diversity <= 1:
            raise InputError(f"--diversity must lie between 0 and 1, got {self.diversity:g}")
        if not 0 <= self.unlike_weight < inf:
            raise InputError(f"--unlike-weight must be a number from 0, got {self.unlike_weight:g}")

    def _condition(self) -> str | None:
        """What `--where` and `--tag` say together."""
        return self.where if self.tag is None else samekind.TagTable(self.artefact).among(self.tag, self.where)

    def _query(self, image: Path | None) -> Any:
        """One query: an image and what the flags say."""
        words = [] if self.text is None else [samekind.Text(self.text)]
        picture: str | samekind.Crop | None = None if image is None else str(image)
        if picture is not None and self.crop is not None:
            picture = samekind.Crop(picture, _box(self.crop))
        like = [*words, *([] if picture is None else [picture]), *self.like]
        if len(like) == 1 and not self.unlike:
            return like[0]
        weights = [self.text_weight] * len(words) + [1.0] * (len(like) - len(words))
        return samekind.Mix(*like, weights=weights, unlike=self.unlike, unlike_weight=self.unlike_weight)

    def _named(self, image: Path | None) -> dict[str, Any]:
        """What was asked, for the answer: `query`, and the flags that were given."""
        query = str(image) if image is not None else self.text if self.text is not None else ", ".join(self.like)
        box = None if self.crop is None else list(_box(self.crop))
        flags = {"crop": box, "text": self.text, "like": list(self.like), "unlike": list(self.unlike)}
        return {"query": query, **{name: value for name, value in flags.items() if value}}


def _box(text: str) -> tuple[int, ...]:
    try:
        box = tuple(int(number) for number in text.split(","))
    except ValueError:
        box = ()
    if len(box) != 4 or min(box[:2]) < 0 or min(box[2:]) < 1:
        raise InputError(
            f"--crop must be X,Y,W,H in pixels, got {text!r}",
            hint="--crop 40,60,200,150 is 200 × 150 pixels, 40 from the left and 60 from the top",
        )
    return box


def _check_known(index: samekind.Index | samekind.PublishedIndex, names: Sequence[str]) -> None:
    for name in names:
        if not file_and_frame(name)[0].is_file() and name not in (
            index.rows.position if isinstance(index, samekind.Index) else index
        ):
            if Path(name).is_dir():
                raise ImageError(f"{name} is a folder", hint=f"all images in it: --queries {shlex.quote(name)}")
            raise ImageError(
                f"there is no file {name}, and the index has no image of that id",
                hint="check the path; ids are in the answer of a search",
            )
