"""Mutated files of every format are read or refused with a reason: no other error, no hang, bounded memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.data.corpus import Corpus
from tests.data.decoding.mutations import mutated, originals, outcome
from tests.data.decoding.samples import encoded, halves

ROOT = Path(__file__).parents[3]
KEPT = originals()
HARD_SEEDS: tuple[int, ...] = ()
"""Seeds that once led to something else than an image or a reason."""


@pytest.mark.parametrize("part", range(8))
def test_mutated_files_are_read_or_refused(part: int) -> None:
    """400 files: whatever the bytes, an image or an `ImageError` with a reason."""
    found = [
        outcome(mutated(KEPT[seed % len(KEPT)], seed)) for seed in [*HARD_SEEDS, *range(part * 50, part * 50 + 50)]
    ]
    assert "no reason" not in found
    assert len(set(found)) > 1  # neither all read nor all refused for one reason: the mutations reach both


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KEPT), st.binary(max_size=40), st.integers(0, 4000))
def test_any_bytes_anywhere(content: bytes, noise: bytes, at: int) -> None:
    """The same for bytes that hypothesis chooses and makes smaller."""
    at %= len(content)
    outcome(content[:at] + noise + content[at + len(noise) :])


def test_a_folder_of_mutated_files(tmp_path: Path) -> None:
    """A corpus reads or lists each of them, under every name."""
    (tmp_path / "ok.png").write_bytes(encoded(halves(), "PNG"))
    for seed in range(120):
        name = f"{seed}{('.jpg', '.png', '', '.bin')[seed % 4]}"
        (tmp_path / name).write_bytes(mutated(KEPT[seed % len(KEPT)], seed))
    corpus = Corpus.from_folder(tmp_path, max_pixels=4_000_000)
    assert len(corpus) + len(corpus.skipped) == 121
    assert 20 < len(corpus) < 121
    assert all(file.reason for file in corpus.skipped)
    for i in range(len(corpus)):
        assert corpus.image(i).mode in ("L", "RGB")


def run_many(count: int) -> tuple[float, float]:
    """Seconds of the slowest file and peak MB of a process of its own, which must end well."""
    command = [sys.executable, "-m", "tests.data.decoding.mutations", "--count", str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    match = re.search(r"longest ([\d.]+) s .*peak ([\d,]+) MB", done.stdout)
    assert match, done.stdout
    return float(match[1]), float(match[2].replace(",", ""))


@pytest.mark.slow
def test_ten_thousand_mutated_files() -> None:
    """No crash (a decoder's crash ends the process), no file over 5 s of the processor, memory below 1 GB."""
    longest, peak = run_many(10_000)
    assert longest < 5
    assert peak < 1000
