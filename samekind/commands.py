"""The commands: frozen dataclasses whose fields are the flags, and whose `run` calls the facade.

Arguments that can be judged without loading anything are judged first, so that a mistake costs no seconds; then the facade is imported,
name by name. Each docstring ends with an example, which `--help` shows.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tyro.conf import Positional, arg

import samekind
from data.errors import ArtefactError, ImageError, InputError
from samekind.tables import counted
from training.config import CPC_CONTEXTS, DETECTORS, NCE_FORMS, OBJECTIVES, TREATMENTS

if TYPE_CHECKING:
    from samekind.console import Console

MAX_LISTED_FILES = 10

Json = Annotated[bool, arg(help="Print one JSON object on stdout, everything else on stderr.")]
Artefact = Annotated[Positional[Path], arg(metavar="ARTEFACT", help="Folder made by train and index.")]
CorpusName = Annotated[
    str, arg(metavar="NAME|FOLDER", help="fashion-mnist, cifar10, digits, synthetic, or a folder of images.")
]
DataDir = Annotated[Path | None, arg(metavar="FOLDER", help="Where the corpus' files already are.")]


def setting(metavar: str, text: str) -> Any:
    """A flag that replaces one setting of the preset."""
    return arg(metavar=metavar, help=text, help_behavior_hint="(default: the preset's)")


@dataclass(frozen=True)
class Train:
    """Trains an encoder on a corpus, without labels.

    The same command continues an interrupted run and keeps a finished one.

    Example:
        samekind train --corpus fashion-mnist --preset small --out artifacts/fashion-mnist
        samekind train --corpus photos --preset smoke --out artifacts/photos --objective hard --treatment soft --detector reciprocal
    """

    corpus: CorpusName
    out: Annotated[Path, arg(metavar="FOLDER", help="Where the artefact goes.")]
    preset: Annotated[
        str,
        arg(
            metavar="smoke|small|plain|full",
            help="Seconds to try it, minutes on a CPU, without whitening, or a GPU's work.",
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
    prior: Annotated[float | None, setting("SHARE", "Of false negatives, for quantile and posterior.")] = None
    treatment_start: Annotated[float | None, setting("SHARE", "Of the steps before treatment, at most 0.5.")] = None
    neighbours: Annotated[
        float | None, setting("SHARE", "Of the images: reciprocal's k; cluster makes one over it clusters.")
    ] = None
    guide: Annotated[str | None, setting("NAME", "Of guide: an ARTEFACT, timm/NAME or open_clip/NAME.")] = None
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
    seed: Annotated[int | None, setting("N", "Of weights, order, views and hold-out.")] = None
    workers: Annotated[int | None, setting("N", "Processes that make views; changes no result.")] = None
    device: Annotated[str | None, setting("NAME", "auto, cpu, cuda or mps.")] = None
    data_dir: DataDir = None
    resume: Annotated[bool, arg(help="Demand a checkpoint to continue from.")] = False
    force: Annotated[bool, arg(help="Replace a run with other settings in the same folder.")] = False
    json: Json = False

    SETTINGS: ClassVar[tuple[str, ...]] = (
        "objective", "temperature", "beta", "beta_end", "tau_plus", "nce_form", "cpc_context", "treatment", "detector",
        "detector_point", "prior", "treatment_start", "neighbours", "guide", "guide_weights", "epochs", "steps", "batch_size",
        "effective_batch", "learning_rate", "image_size", "backbone",
        "queue_size", "strength", "whitening", "precision", "limit", "seed", "workers", "device",
    )  # fmt: skip

    def run(self, console: Console) -> None:
        """Trains and prints the summary with the next commands."""
        from training.artefact import check_writable

        overrides = {name: getattr(self, name) for name in self.SETTINGS}
        samekind.preset(self.preset, **overrides)
        check_writable(self.out)
        corpus = load_corpus(self.corpus, self.data_dir, console)
        run = samekind.train(
            corpus,
            self.preset,
            self.out,
            force=self.force,
            resume=self.resume,
            progress=console.progress,
            **overrides,
        )
        if run.kept:
            console.say(f"{self.out} holds a finished run with these settings: kept (--force trains again)")
        console.answer(run.summary, self._text(run.summary))

    def _text(self, summary: Mapping[str, Any]) -> str:
        accuracy = summary["knn_accuracy"]
        figures = str(summary.get("note")) if accuracy is None else f"k-NN accuracy {accuracy:.4f}"
        data_dir = ("--data-dir", self.data_dir) if self.data_dir else ()
        following = command_line("index", "--corpus", self.corpus, "--encoder", self.out, "--out", self.out, *data_dir)
        return (
            f"{summary['objective']}, {counted(summary['epochs'], 'epoch')} in {summary['seconds']:.0f} s: {figures}\n"
            f"encoder: {summary['encoder']}\n"
            f"next: {following}"
        )


@dataclass(frozen=True)
class BuildIndex:
    """Embeds a corpus into an index that can be searched and audited.

    Run on an index that is there already, it adds the images that are new by content, or removes the ones named.

    Example:
        samekind index --corpus fashion-mnist --encoder artifacts/fashion-mnist --out artifacts/fashion-mnist
        samekind index --out artifacts/photos --remove train/00003 train/00007
    """

    out: Annotated[Path, arg(metavar="FOLDER", help="The index' folder, usually the artefact's.")]
    corpus: Annotated[str | None, arg(metavar="NAME|FOLDER", help="As for train.", help_behavior_hint="")] = None
    encoder: Annotated[
        Path | None, arg(metavar="ARTEFACT", help="The trained encoder.", help_behavior_hint="(default: --out)")
    ] = None
    remove: Annotated[tuple[str, ...], arg(metavar="ID", help="Take these out.", help_behavior_hint="")] = ()
    data_dir: DataDir = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Builds, extends or thins the index and prints its size."""
        index, removed = self._thin(console) if self.remove else (self._build(console), 0)
        answer = {"index": str(self.out), "num_images": len(index), "dim": index.dim, "removed": removed}
        took_out = f" ({removed} taken out)" if removed else ""
        others = "".join(f"\n      {command_line(name, self.out)}" for name in ("audit", "evaluate", "demo"))
        following = command_line("search", self.out, "IMAGE") + others
        console.answer(answer, f"{counted(len(index), 'image')} in {self.out}{took_out}\nnext: {following}")

    def _thin(self, console: Console) -> tuple[samekind.Index, int]:
        index = samekind.Index.open(self.out)
        return index, index.remove(self.remove, progress=console.progress)

    def _build(self, console: Console) -> samekind.Index:
        from training.artefact import check_writable, read_meta

        if self.corpus is None:
            raise InputError("no corpus to index", hint="name one: --corpus fashion-mnist, or a folder")
        encoder = self.encoder or self.out
        read_meta(encoder)  # says what is missing before the corpus is read
        check_writable(self.out)
        corpus = load_corpus(self.corpus, self.data_dir, console)
        return samekind.build_index(corpus, encoder, self.out, progress=console.progress)


@dataclass(frozen=True)
class Search:
    """Finds the images that are most like the given ones.

    Example:
        samekind search artifacts/fashion-mnist bag.png --k 5
        samekind search artifacts/fashion-mnist bag.png shirt.png --where "label = 'Bag'" --json
    """

    artefact: Artefact
    images: Annotated[
        Positional[tuple[Path, ...]], arg(metavar="IMAGE", help="Image files.", help_behavior_hint="")
    ] = ()
    k: Annotated[int, arg(metavar="N", help="How many neighbours.")] = 10
    where: Annotated[str | None, arg(metavar="SQL", help="Only rows like these.", help_behavior_hint="")] = None
    exclude_self: Annotated[bool, arg(help="Leave out rows with the query's own content.")] = False
    json: Json = False

    def run(self, console: Console) -> None:
        """Searches and prints the hits."""
        from samekind.tables import search_text

        at_least("--k", self.k, 1)
        if not self.images:
            example = command_line("search", self.artefact, "IMAGE")
            raise InputError("no image to search for", hint=f"name one: {example}")
        folder_exists(self.artefact)
        for image in self.images:
            if not image.is_file():
                what = "is a folder" if image.is_dir() else "does not exist"
                raise ImageError(f"the image {image} {what}", hint="name an image file")
        index = samekind.Index.open(self.artefact)
        results = index.search(list(self.images), self.k, self.where, self.exclude_self)
        answers = [{"query": str(i), **r.to_dict()} for i, r in zip(self.images, results, strict=True)]
        answer = answers[0] if len(answers) == 1 else {"queries": answers}
        console.answer(answer, search_text(answer))


@dataclass(frozen=True)
class Audit:
    """Counts how many of each image's hardest negatives are of its own class.

    Example:
        samekind audit artifacts/fashion-mnist --k 10
        samekind audit artifacts/fashion-mnist --json > audit.json
        samekind audit artifacts/fashion-mnist --csv pairs.csv
    """

    artefact: Artefact
    k: Annotated[int, arg(metavar="N", help="Hardest negatives an anchor.")] = 10
    anchors: Annotated[
        int | None,
        arg(metavar="N", help="A seeded sample of anchors.", help_behavior_hint="(default: all up to 200,000)"),
    ] = None
    csv: Annotated[Path | None, arg(metavar="FILE", help="Also write every pair.", help_behavior_hint="")] = None
    json: Json = False

    def run(self, console: Console) -> None:
        """Audits and prints the report."""
        from samekind.tables import audit_text
        from training.artefact import check_writable

        at_least("--k", self.k, 1)
        if self.anchors is not None:
            at_least("--anchors", self.anchors, 1)
        folder_exists(self.artefact)
        if self.csv is not None:
            check_writable(self.csv.parent)
        report = samekind.Index.open(self.artefact).audit(k=self.k, anchors=self.anchors, progress=console.progress)
        if self.csv is not None:
            report.to_csv(self.csv)
            console.say(f"wrote {self.csv}")
        answer = report.to_dict()
        console.answer(answer, audit_text(answer))


@dataclass(frozen=True)
class Evaluate:
    """Judges an encoder on its corpus: k-NN, linear probe, hit rate and mAP on the test split.

    Example:
        samekind evaluate artifacts/fashion-mnist
        samekind evaluate artifacts/fashion-mnist --json
    """

    artefact: Artefact
    json: Json = False

    def run(self, console: Console) -> None:
        """Evaluates and prints the figures."""
        from samekind.tables import evaluation_text

        folder_exists(self.artefact)
        answer = samekind.evaluate(self.artefact, progress=console.progress).to_dict()
        console.answer(answer, evaluation_text(answer))


@dataclass(frozen=True)
class Demo:
    """Opens the Streamlit demo of an index: search by image, look at false negatives.

    Example:
        samekind demo artifacts/fashion-mnist
        samekind demo artifacts/fashion-mnist --port 8600
    """

    artefact: Artefact
    port: Annotated[int, arg(metavar="N", help="The next free one is taken if it is in use.")] = 8501
    host: Annotated[str, arg(metavar="ADDRESS", help="Whom to listen to.")] = "127.0.0.1"
    json: Json = False

    def run(self, console: Console) -> None:
        """Serves until Ctrl-C."""
        from samekind.demo import serve

        if not 1 <= self.port <= 65535:
            raise InputError(f"--port must lie between 1 and 65535, got {self.port}")
        folder_exists(self.artefact)
        samekind.Index.open(self.artefact)  # says what is missing before a browser would
        serve(self.artefact, host=self.host, port=self.port, console=console)


@dataclass(frozen=True)
class Compare:
    """Compares objectives and treatments of false negatives: same encoder, images, steps, views and seeds for each.

    Every finished cell (method × corpus × seed) is kept; the same command goes on where it stopped and computes nothing twice.

    Example:
        samekind compare --corpora fashion-mnist,cifar10 --seeds 3 --budget 120s --out docs/results
        samekind compare --corpora photos --methods info_nce,hard --seeds 1 --budget 200steps --curves
    """

    corpora: Annotated[str, arg(metavar="NAME|FOLDER,…", help="Names or folders, with commas between them.")]
    methods: Annotated[
        str | None, arg(metavar="NAME,…", help="Only these rows.", help_behavior_hint="(default: all 16)")
    ] = None
    seeds: Annotated[int, arg(metavar="N", help="How many: 0, 1, …")] = 3
    budget: Annotated[
        str,
        arg(metavar="120s|500steps", help="A time is turned into steps once, on info_nce; all methods get the same."),
    ] = "120s"
    train_images: Annotated[int, arg(metavar="N", help="Every cell trains on at most this many.")] = 20_000
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
    data_dir: DataDir = None
    out: Annotated[Path, arg(metavar="FOLDER", help="Where cells, tables and plots go.")] = Path("docs/results")
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


Command = Train | BuildIndex | Search | Audit | Evaluate | Demo | Compare
COMMANDS: dict[str, type[Command]] = {
    "train": Train,
    "index": BuildIndex,
    "search": Search,
    "audit": Audit,
    "evaluate": Evaluate,
    "demo": Demo,
    "compare": Compare,
}


def load_corpus(name: str, data_dir: Path | None, console: Console) -> samekind.Corpus:
    """Loads a corpus and lists the files that were skipped, each with its reason."""
    corpus = samekind.load_corpus(name, data_dir=data_dir, progress=console.progress)
    if corpus.skipped:
        what = counted(len(corpus.skipped), "file that is no readable image", "files that are no readable images")
        console.say(f"skipped {what}:")
        for file in corpus.skipped[:MAX_LISTED_FILES]:
            console.say(f"  {file.path}: {file.reason}")
        if len(corpus.skipped) > MAX_LISTED_FILES:
            console.say(f"  … and {len(corpus.skipped) - MAX_LISTED_FILES} more")
    return corpus


def listed(text: str) -> list[str]:
    """The words between the commas; a folder whose name holds a comma stays whole."""
    return [text] if Path(text).is_dir() and text else [word.strip() for word in text.split(",") if word.strip()]


def command_line(*words: object) -> str:
    """A command of ours as a shell takes it, blanks in paths and all."""
    return shlex.join(["samekind", *map(str, words)])


def at_least(flag: str, value: int, low: int) -> None:
    """Refuses a number below `low`."""
    if value < low:
        raise InputError(f"{flag} must be at least {low}, got {value}")


def folder_exists(artefact: Path) -> None:
    """Refuses an artefact that is not there, before anything is loaded."""
    if not artefact.is_dir():
        what = "is a file, not an artefact folder" if artefact.exists() else "does not exist"
        remedy = command_line("train", "--corpus", "fashion-mnist", "--out", artefact)
        raise ArtefactError(f"the artefact {artefact} {what}", hint=f"make one: {remedy}")
