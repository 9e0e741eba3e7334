"""Peak memory of indexing, training from scratch and training an adapter, at several numbers of photos.

    python -m benchmarks.memory FOLDER [--sizes 10000 100000] [--runs index scratch adapter adapter-plain] [--keep]

It makes that many JPEGs of 224 px in FOLDER (about 8 kB each; 10,000 pictures, again and again in other files), runs `samekind` on them in
processes of its own, and prints a row a run: the peak of the memory of the process and its children, pages that they share counted once
(PSS, asked for once a second), and how much of the cache it filled. The encoders are small and untrained, since memory is asked for and not
accuracy: in training from scratch `resnet-small` of the preset `smoke` at 224 px, elsewhere timm's `test_byobnet`, at 96 px for the
adapter; 8 steps of 64 images. `adapter-plain` is without the preset's detector, which keeps neighbours of every image. With `--keep` the
cache stays for another run. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.torch
import timm
import torch
from PIL import Image

SIDE, CANVAS, CLASSES, PICTURES = 224, 1024, 10, 10_000
INTERVAL = 1.0  # seconds
MIB = 1 << 20


def main() -> None:
    """Prints a row for every run and number of photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--runs", nargs="+", default=["index", "scratch", "adapter", "adapter-plain"])
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    model = _random_model(given.folder / "model.safetensors")
    print("| run | photos | peak memory | in the cache | seconds |\n|---|---|---|---|---|", flush=True)
    for size in given.sizes:
        photos = make_photos(given.folder / f"photos-{size}", size)
        for run in given.runs:
            cache, out = given.folder / f"cache-{run}-{size}", given.folder / f"{run}-{size}"
            shutil.rmtree(out, ignore_errors=True)
            started = time.perf_counter()
            peak = peak_memory(_command(run, photos, out, model), cache)
            seconds = time.perf_counter() - started
            cached = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
            print(
                f"| {run} | {size:,} | {peak / MIB:,.0f} MiB | {cached / MIB:,.0f} MiB | {seconds:,.0f} |", flush=True
            )
            shutil.rmtree(out)
            if not given.keep:
                shutil.rmtree(cache, ignore_errors=True)


def make_photos(folder: Path, count: int) -> Path:
    """Fills a folder with JPEGs, a tenth of them in each of ten class folders; those that are there stay.

    Each is a window of a canvas of soft colours, lit differently. From `PICTURES` on they show the same ones again, but no two files are
    equal: behind the picture, where no decoder looks, each has its number.
    """
    canvases = [_canvas(number) for number in range(16)]
    for number in range(count):
        file = _photo(folder, number)
        if file.exists():
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        if number >= PICTURES:
            file.write_bytes(_photo(folder, number % PICTURES).read_bytes() + str(number).encode())
            continue
        random = np.random.default_rng(number)
        left, top = random.integers(0, CANVAS - SIDE, 2)
        window = canvases[number % len(canvases)][top : top + SIDE, left : left + SIDE]
        gain, shift = random.uniform(0.5, 1.0), random.integers(0, 60, 3)
        Image.fromarray((window * gain + shift).astype(np.uint8)).save(file, quality=85)
    return folder


def _photo(folder: Path, number: int) -> Path:
    return folder / f"class-{number % CLASSES}" / f"{number:07}.jpg"


def peak_memory(command: Sequence[str | Path], cache: Path) -> int:
    """Bytes of the peak of a command and its children.

    Raises:
        CalledProcessError: the command failed.
    """
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    log = cache.with_suffix(".log")
    peak = 0
    with log.open("w") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output, env=environment)
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(INTERVAL)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(map(str, command)), log.read_text())
    return peak


def _memory(pid: int) -> int:
    """Bytes of a process and its children now; none once they have ended."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = [
            child for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
        ]
    except OSError:
        return 0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
    return own * 1024 + sum(_memory(int(child)) for child in children)


def _command(run: str, photos: Path, out: Path, model: str) -> list[str | Path]:
    begin: list[str | Path] = [sys.executable, "-P", "-m", "samekind"]
    place: list[str | Path] = ["--corpus", photos, "--out", out]
    if run == "index":
        return [*begin, "index", *place, "--encoder", model]
    steps = ["--steps", "8", "--batch-size", "64", "--device", "cpu"]
    if run.startswith("adapter"):
        chosen = ["--preset", "adapter", "--backbone", model, "--views", "2", "--image-size", "96"]
        return [*begin, "train", *place, *chosen, *steps, *(["--treatment", "none"] if run == "adapter-plain" else [])]
    assert run == "scratch", f"the runs are index, scratch, adapter and adapter-plain, not {run}"
    return [*begin, "train", *place, "--preset", "smoke", "--limit", "10000000", "--image-size", "224", *steps]


def _random_model(file: Path) -> str:
    """A tiny model of timm with random weights, by a name that `samekind` takes for a pretrained one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = timm.create_model("test_byobnet", num_classes=0)
    safetensors.torch.save_file(model.state_dict(), file)
    return f"timm/test_byobnet@{file}"


def _canvas(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """`(CANVAS, CANVAS, 3)` soft colours with some grain, 0 to 190."""
    random = np.random.default_rng((seed, 1))
    coarse = Image.fromarray(random.integers(0, 180, (CANVAS // 32, CANVAS // 32, 3), dtype=np.uint8))
    soft = np.asarray(coarse.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC), dtype=np.float32)
    return soft + random.uniform(0, 10, (CANVAS, CANVAS, 1)).astype(np.float32)


if __name__ == "__main__":
    main()
