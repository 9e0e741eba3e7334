"""What is killed: eight kinds of work, each with what it begins from, and with what must have come of it in the end."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.end_to_end.helpers import CLASSES, draw
from tests.faults.download import Download
from tests.faults.folders import sha256, use_cache

CHUNK = 16  # rows that a build adds at once, so that a small one has several steps
SCREENS, PAIRS = 40, 5  # answers come in screens of so many pairs
_TEMPORARY = re.compile(r".*\.(tmp|part|new|gz)$")
# LanceDB's own names, and TensorBoard's, differ from run to run. Work that was killed after its end is done twice: an adaptation is then
# set aside.
_OTHERS = re.compile(r"(\.lance|tensorboard)/|^out/adaptations/|^acknowledged$")


@dataclass(frozen=True)
class Operation:
    """One kind of work; every folder is a copy of the one that `prepare` filled.

    Attributes:
        name: what the table calls it.
        prepare: fills an empty folder with what the work begins from.
        work: is killed, and done again by the same call.
        outcome: what must be the same however often it was killed, as JSON has it.
        held: complaints about what a killed one has left; by default none.
    """

    name: str
    prepare: Callable[[Path], None]
    work: Callable[[Path], None]
    outcome: Callable[[Path], Any]
    held: Callable[[Path], list[str]] = lambda folder: []


def left_over(folder: Path, expected: Path) -> list[str]:
    """Files that lie in a folder and not in the one of a run that nobody killed."""
    found = _files(folder) - _files(expected)
    found |= {name for name in _files(folder) if _TEMPORARY.match(name)}
    return sorted(found)


def unused_files(folder: Path, expected: Path) -> int:
    """Files of tables that a run that nobody killed does not have: LanceDB keeps what an interrupted write has left, and reads it never."""
    there, needed = (len(list(each.glob("out/db/*.lance/data/*"))) for each in (folder, expected))
    return max(0, there - needed)


def _files(folder: Path) -> set[str]:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not _OTHERS.search(name)}


# ------------------------------------------------------------------------------------------------------------- training


def draw_pictures(folder: Path, each: int, seed: int = 0, first: int = 0) -> None:
    """Grey pictures in folders of three classes, numbered from `first` on."""
    random = np.random.default_rng((seed, first))
    for kind in CLASSES:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(first, first + each):
            draw(kind, random).save(folder / kind / f"{number:03d}.png")


def _photos(folder: Path, count: int = 24) -> None:
    """Colour pictures of 96 px as JPEG: large enough to count as photos."""
    random = np.random.default_rng(1)
    for number in range(count):
        kind = CLASSES[number % len(CLASSES)]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        small = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize((96, 96)).save(folder / kind / f"{number:03d}.jpg")


def _train(folder: Path, *, workers: int = 2) -> None:
    import samekind as sk

    use_cache(folder)
    small: dict[str, Any] = {"epochs": 5, "steps": None, "batch_size": 32, "width": 8, "pool": 1}
    corpus = sk.Corpus.from_folder(folder / "pictures")
    sk.train(corpus, "smoke", folder / "out", workers=workers, device="cpu", **small)


def _trained(out: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    history = [{key: value for key, value in line.items() if "second" not in key} for line in lines]
    return {"weights": sha256(out / "encoder.safetensors"), "history": history}


def _prepare_adapter(folder: Path) -> None:
    import safetensors.torch
    import timm
    import torch

    torch.manual_seed(0)
    _photos(folder / "photos")
    network = timm.create_model("test_efficientnet", num_classes=0)
    safetensors.torch.save_file(network.state_dict(), folder / "network.safetensors")


def _adapter(folder: Path) -> None:
    import samekind as sk

    use_cache(folder)
    backbone = f"timm/test_efficientnet@{folder / 'network.safetensors'}"
    here: dict[str, Any] = {"backbone": backbone, "epochs": 2, "batch_size": 16, "workers": 0, "device": "cpu"}
    sk.train(sk.Corpus.from_folder(folder / "photos"), "adapter", folder / "out", views=2, **here)


def _adapter_outcome(folder: Path) -> dict[str, Any]:
    cached = {path.name: sha256(path) for path in sorted((folder / "cache").rglob("*.f16"))}
    assert cached
    return {"features": cached, "weights": sha256(folder / "out" / "encoder.safetensors")}


# ---------------------------------------------------------------------------------------------------------------- index


def _prepare_encoder(folder: Path) -> None:
    draw_pictures(folder / "pictures", 24)
    _train(folder, workers=0)


def _prepare_index(folder: Path) -> None:
    _prepare_encoder(folder)
    _index(folder)


def _prepare_more(folder: Path) -> None:
    _prepare_index(folder)
    draw_pictures(folder / "pictures", 16, first=24)


def _index(folder: Path) -> None:
    import samekind as sk
    from samekind.indexer.building import embed, tidying

    embed.CHUNK, embed._BATCH = CHUNK, CHUNK
    tidying.MOST_PARTS, tidying.KEPT_SECONDS = 4, 0.0  # the table is compacted, too
    sk.build_index(sk.Corpus.from_folder(folder / "pictures"), str(folder / "out"), folder / "out")


def _remove(folder: Path) -> None:
    import samekind as sk
    from samekind.indexer.building import beside
    from samekind.indexer.storage import table

    beside.FEWEST, beside.MOST_SHARE = 10, 0.5  # what is removed lies beside the index file
    table._IDS_A_DELETE = 2  # several deletions
    index = sk.Index.open(folder / "out")
    gone = [id_ for id_ in _victims(folder) if id_ in index.ids]
    if gone:
        index.remove(gone)


def _victims(folder: Path) -> list[str]:
    return [f"{kind}/{number:03d}.png" for kind in CLASSES for number in range(0, 24, 4)]


def indexed(out: Path) -> dict[str, Any]:
    """Rows, vectors and pictures of an index, read in full."""
    import samekind as sk

    found = sk.verify(out)
    assert found.ok, found.damaged
    index = sk.Index.open(out)
    rows = json.dumps([index.rows.row(i) for i in range(len(index))]).encode()
    pictures = b"".join(index.thumbnails(index.ids))
    parts = {"rows": rows, "vectors": index.vectors().tobytes(), "pictures": pictures}
    return {"images": len(index), **{name: hashlib.sha256(part).hexdigest() for name, part in parts.items()}}


def index_held(folder: Path) -> list[str]:
    """An index that a kill has left is open to readers, or one line says what to do."""
    import samekind as sk

    try:
        index = sk.Index.open(folder / "out")
        index.search(index.vectors()[:1], 3)
    except sk.SamekindError as error:
        return [] if error.hint and "\n" not in str(error) else [f"no remedy: {error}"]
    return []


# -------------------------------------------------------------------------------------------------------------- answers


def _prepare_screens(folder: Path) -> None:
    """An index, and a file of answers for each screen."""
    (folder / "out").mkdir()
    for screen in range(SCREENS):
        lines = ["anchor_sha256,negative_sha256,verdict,who,when,screen"]
        anchor = hashlib.sha256(f"anchor {screen}".encode()).hexdigest()
        for pair in range(PAIRS):
            other = hashlib.sha256(f"{screen} {pair}".encode()).hexdigest()
            lines.append(f"{anchor},{other},same,Ana,2026-01-01T00:{screen:02d}:00+00:00,{screen}")
        (folder / f"{screen:02d}.csv").write_text("\n".join(lines) + "\n")


def _answer(folder: Path) -> None:
    """Adds screen after screen; a line in `acknowledged` follows each, as the page shows the next screen."""
    import samekind as sk

    for screen in range(SCREENS):
        sk.import_verdicts(folder / "out", folder / f"{screen:02d}.csv")
        with (folder / "acknowledged").open("a") as stream:
            stream.write(f"{screen}\n")


def _answers(folder: Path) -> list[list[str]]:
    import samekind as sk

    (folder / "acknowledged").unlink(missing_ok=True)
    return sorted(
        [v.screen, v.anchor_sha256, v.negative_sha256, v.verdict] for v in sk.VerdictTable(folder / "out").all()
    )


def _answers_held(folder: Path) -> list[str]:
    import samekind as sk

    known = folder / "acknowledged"
    acknowledged = set(known.read_text().split()) if known.is_file() else set()
    there: dict[str, int] = {}
    for verdict in sk.VerdictTable(folder / "out").all():
        there[verdict.screen] = there.get(verdict.screen, 0) + 1
    lost = [f"screen {screen} was acknowledged and is lost" for screen in sorted(acknowledged - set(there))]
    return lost + [f"screen {screen} is there in part" for screen, count in there.items() if count != PAIRS]


def _prepare_world(folder: Path) -> None:
    from tests.indexer.adaptation.worlds import answered_world

    answered_world(folder / "out")


def _adapt(folder: Path) -> None:
    import samekind as sk

    assert sk.adapt(folder / "out").adapted


def _adapted(folder: Path) -> dict[str, Any]:
    import samekind as sk

    index = sk.Index.open(folder / "out")
    assert sk.verify(folder / "out").ok
    assert index.adaptation is not None
    assert index.adaptation.file is not None
    return {"map": hashlib.sha256(index.adaptation.map_DD.tobytes()).hexdigest(), "file": index.adaptation.file.sha256}


OPERATIONS = (
    Operation("download", lambda folder: None, Download.work, Download.outcome),
    Operation(
        "train", lambda folder: draw_pictures(folder / "pictures", 32), _train, lambda folder: _trained(folder / "out")
    ),
    Operation("adapter cache", _prepare_adapter, _adapter, _adapter_outcome),
    Operation("index", _prepare_encoder, _index, lambda folder: indexed(folder / "out"), index_held),
    Operation("add", _prepare_more, _index, lambda folder: indexed(folder / "out"), index_held),
    Operation("remove", _prepare_index, _remove, lambda folder: indexed(folder / "out"), index_held),
    Operation("verdict", _prepare_screens, _answer, _answers, _answers_held),
    Operation("adapt", _prepare_world, _adapt, _adapted, index_held),
)
