"""What is asked of each side, by name. Every question is a command line, so it does not matter where the code's modules are.

Each answer is JSON. Times and memory are left out of it (`TIMES`; their keys stay), paths are relative to the side's folder, and
weights count as their SHA-256.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import lancedb
import pyarrow.ipc
from PIL import Image

from tests.gate.places import Place

Fact = Callable[[Place], Any]
TIMES = frozenset({"seconds", "pairs_per_second", "elapsed_ms", "peak_memory_bytes"})
SMOKE = (
    "--corpus",
    "synthetic",
    "--preset",
    "smoke",
    "--epochs",
    4,
    "--workers",
    0,
)  # presets had epochs then, now steps
OBJECTIVES = ("nce", "info_nce", "cpc", "decoupled", "debiased", "hard", "mixed", "supervised")
TREATMENTS = ("eliminate", "attract", "soft", "soft_attract")
DETECTORS = ("reciprocal", "relation", "combined")
OTHER_DETECTORS = ("threshold", "quantile", "cluster", "posterior", "relative_margin", "neighbourhood", "oracle")
COMMANDS = ("train", "index", "search", "audit", "evaluate", "detectors", "suspects", "verdicts", "demo", "compare")
INTERRUPTED = ("hard", "hard+soft_attract+combined", "queue")
QUERIES = ("test/00000", "train/00100")


def _runs() -> dict[str, tuple[object, ...]]:
    """The flags of every training, by name."""
    treated = [(treatment, detector) for treatment in TREATMENTS for detector in DETECTORS]
    treated += [("soft", detector) for detector in OTHER_DETECTORS]
    answered = ("--treatment", "soft_attract", "--detector", "combined", "--verdicts", "hard")
    return {
        **{objective: ("--objective", objective) for objective in OBJECTIVES},
        **{f"hard+{one}+{other}": ("--treatment", one, "--detector", other) for one, other in treated},
        "queue": ("--queue-size", 512),
        "large": ("--effective-batch", 256, "--batch-size", 64),
        "large nce": ("--objective", "nce", "--effective-batch", 256, "--batch-size", 64),
        "float32": ("--precision", "float32"),
        "guided": ("--treatment", "soft", "--detector", "guide", "--guide", "hard"),
        "verdicts": answered,
        "verdicts dropped": (*answered, "--confirmed", "drop"),
    }


RUNS = _runs()


def train(place: Place, name: str, out: str = "") -> Any:
    """Trains (or goes on, or finds the run finished) and says what came of it."""
    if "hard" in RUNS[name][2:]:  # reads verdicts, or a guide, there
        prepare(place)
    folder = out or name.replace(" ", "-")
    with place.lock if folder == "hard" else nullcontext():  # others prepare it
        summary = place.json("train", *SMOKE, *RUNS[name], "--out", folder)
    records = [json.loads(line) for line in (place.folder / folder / "metrics.jsonl").read_text().splitlines()]
    weights = hashlib.sha256((place.folder / folder / "encoder.safetensors").read_bytes()).hexdigest()
    return {"weights": weights, "summary": {**summary, "encoder": "OUT"}, "metrics": records}


def resume(place: Place, name: str) -> Any:
    """Interrupts a run after its first epoch, unless one lies there already, and goes on with it."""
    return train(place, name, place.copy(begin(place, name), f"resumed-{name}").name)


def begin(place: Place, name: str) -> Path:
    """A run that is interrupted after its first epoch."""
    folder = place.folder / f"begun-{name}"
    marker = place.folder / f"begun-{name}.done"
    with place.lock:
        if not marker.exists():
            metrics = folder / "metrics.jsonl"
            place.interrupt(metrics, "train", *SMOKE, *RUNS[name], "--out", folder.name)
            if (folder / "encoder.safetensors").exists():
                raise RuntimeError(f"{folder} was finished before it could be interrupted")
            marker.touch()
    return folder


def keep(place: Place) -> Any:
    """The same command again trains nothing and says so."""
    prepare(place)
    said = place.run("train", *SMOKE, "--out", "hard").stderr
    return {"kept": "kept" in said, **train(place, "hard")}


def prepare(place: Place) -> Path:
    """Makes the artefact that is asked about and the pictures to ask with; returns the file that holds what `index` said."""
    said = place.folder / "index.json"
    with place.lock:
        if not said.exists():
            train(place, "hard")
            answer = place.json("index", "--corpus", "synthetic", "--encoder", "hard", "--out", "hard")
            (place.folder / "verdicts.csv").write_text(_verdicts(place.folder / "hard" / "rows.arrow"))
            place.run("verdicts", "import", "hard", "verdicts.csv")
            _draw_pictures(place.folder)
            said.write_text(json.dumps(answer))
    return said


def _verdicts(rows_file: Path) -> str:
    """Answers to pairs: mostly those that the labels give, and every other one a few times."""
    rows = pyarrow.ipc.open_file(rows_file).read_all().select(["sha256", "label", "split"]).to_pylist()
    rows = [row for row in rows if row["split"] == "train"]
    stream = io.StringIO()
    lines = csv.writer(stream)
    lines.writerow(["anchor_sha256", "negative_sha256", "verdict", "who", "when", "note"])
    for n, i in enumerate(range(0, 900, 5)):
        alike = [row for row in rows[i + 1 :] if row["label"] == rows[i]["label"]]
        other = alike[0] if n % 2 else rows[i + 1]
        given = "same" if other["label"] == rows[i]["label"] else "different"
        given = {7: "duplicate", 12: "wrong_label", 18: "unsure", 24: "withdrawn"}.get(n % 30, given)
        when = f"2026-01-01T00:{n // 60:02}:{n % 60:02}+00:00"
        lines.writerow([rows[i]["sha256"], other["sha256"], given, "gate", when, f"pair {n}"])
    return stream.getvalue()


def _draw_pictures(folder: Path) -> None:
    """Two images of the corpus as files, and a small labelled folder of images turned by a right angle, for the index to take in."""
    table = lancedb.connect(folder / "hard" / "db").open_table("images").search().select(["id", "label", "thumbnail"])
    rows = {row["id"]: row for row in table.to_arrow().to_pylist()}
    for number, id_ in enumerate(QUERIES):
        (folder / f"query-{number}.png").write_bytes(rows[id_]["thumbnail"])
    for id_ in sorted(rows)[::100]:
        file = folder / "turned" / rows[id_]["label"] / f"{id_.replace('/', '-')}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.open(io.BytesIO(rows[id_]["thumbnail"])).rotate(90).save(file)


def ask(place: Place, *words: object) -> Any:
    """The JSON answer of a command that reads the artefact."""
    prepare(place)
    return place.json(*words)


def write(place: Place, file: str, *words: object) -> Any:
    """The lines of a file that a command writes."""
    prepare(place)
    place.run(*words)
    return (place.folder / file).read_text().splitlines()


def grow(place: Place) -> Any:
    """A copy of the index loses two images, gets them back, takes in a folder, and answers."""
    prepare(place)
    place.copy(place.folder / "hard", "grown")
    changes = ("--remove", *QUERIES), ("--corpus", "synthetic"), ("--corpus", "turned")
    said = [place.json("index", "--out", "grown", *change) for change in changes]
    turned = min(place.folder.glob("turned/disc/*")).relative_to(place.folder)
    found = place.json("search", "grown", "query-0.png", "query-1.png", turned, "--k", 8)
    return {"index": said, "search": found, "audit": place.json("audit", "grown")}


def compare(place: Place) -> Any:
    """A comparison of two methods."""
    flags = "--corpora synthetic --methods info_nce,hard --seeds 1 --budget 4steps --preset smoke --workers 0"
    return place.json("compare", *flags.split(), "--out", "results", "--work", "unfinished")


def flags_of(place: Place, command: str) -> Any:
    """The flags that a command's help names. They are keys: a new one is no difference."""
    return dict.fromkeys(sorted(set(re.findall(r"--[a-z][a-z-]*", place.run(command, "--help").stdout))), True)


def commands(place: Place) -> Any:
    """The commands there are."""
    return dict.fromkeys(re.findall(r"^  (\w+) ", place.run("--help").stdout, flags=re.MULTILINE), True)


_SEARCH = ("search", "hard", "query-0.png")
READING: dict[str, Fact] = {
    "index": lambda place: json.loads(prepare(place).read_text()),
    "search": lambda place: ask(place, *_SEARCH, "query-1.png"),
    "search where": lambda place: ask(place, *_SEARCH, "--where", "label = 'disc' AND split = 'test'", "--k", 20),
    "search without itself": lambda place: ask(place, *_SEARCH, "--exclude-self"),
    "search beyond": lambda place: ask(place, *_SEARCH, "--k", 2000),
    "audit": lambda place: ask(place, "audit", "hard"),
    "audit of a sample": lambda place: ask(place, "audit", "hard", "--k", 5, "--anchors", 200),
    "audit pairs": lambda place: write(place, "pairs.csv", "audit", "hard", "--csv", "pairs.csv"),
    "evaluate": lambda place: ask(place, "evaluate", "hard"),
    "detectors": lambda place: ask(place, "detectors", "hard", "--images", 400),
    "suspects": lambda place: ask(place, "suspects", "hard"),
    "duplicates": lambda place: write(place, "lists/duplicates.csv", "suspects", "hard", "--csv", "lists"),
    "verdicts export": lambda place: write(place, "out.csv", "verdicts", "export", "hard", "out.csv"),
    "verdicts import": lambda place: ask(place, "verdicts", "import", "hard", "verdicts.csv"),
    "kept": keep,
    "grown": grow,
}
FACTS: dict[str, Fact] = {
    "help": commands,
    **{f"help {command}": partial(flags_of, command=command) for command in COMMANDS},
    **{f"train {name}": partial(train, name=name) for name in RUNS},
    **{f"resumed {name}": partial(resume, name=name) for name in INTERRUPTED},
    **READING,
    "compare": compare,
}


def without_times(value: Any) -> Any:
    """Keeps the keys of `TIMES` and forgets their values."""
    if isinstance(value, dict):
        return {key: None if key in TIMES else without_times(each) for key, each in value.items()}
    return [without_times(each) for each in value] if isinstance(value, list) else value
