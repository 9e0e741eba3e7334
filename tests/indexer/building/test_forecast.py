"""How long an index is going to take is told once, by the rate of its first images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samekind
from samekind.indexer.building import forecast as forecast_module
from samekind.indexer.building.forecast import Forecast
from tests.end_to_end.helpers import call
from tests.indexer.builds import Lines


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def told(clock: list[float], images: int, *steps: tuple[float, int]) -> list[str]:
    """What is told if each step takes so many seconds, for so many images."""
    progress = Lines()
    forecast = Forecast(images, progress)
    for seconds, done in steps:
        clock[0] += seconds
        forecast.advance(done)
    return progress.said


def test_it_is_the_rate_of_the_first_seconds_times_what_is_left(clock: list[float]) -> None:
    """Not before two seconds have been measured, and once."""
    steps = [(0.8, 64)] * 10
    assert told(clock, 10_000, *steps[:2]) == []
    assert told(clock, 10_000, *steps) == ["9,808 of 10,000 images to go at 80 a second: about 2 min"]
    assert told(clock, 70, (32.0, 64)) == [], "three seconds are no news"
    assert told(clock, 164, (160.0, 64)) == ["100 of 164 images to go at 2.5 s an image: about 4 min"]
    assert told(clock, 64, (64.0, 64)) == []


def test_what_lies_between_two_pieces_of_work_is_not_counted(clock: list[float]) -> None:
    """The whitening is fitted once, however many images there are."""
    progress = Lines()
    forecast = Forecast(1_010, progress)
    clock[0] += 1.0
    forecast.advance(5)
    clock[0] += 50.0
    forecast.start()
    forecast.advance(0)
    clock[0] += 1.0
    forecast.advance(5)
    assert progress.said == ["1,000 of 1,010 images to go at 5 a second: about 3 min"]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 70, of which the first are measured enough and none is too few to be told of."""
    (tmp_path / "photos").mkdir()
    for number in range(70):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    monkeypatch.setattr(forecast_module, "MEASURED_SECONDS", 0.0)
    monkeypatch.setattr(forecast_module, "WORTH_SECONDS", 0.0)
    return tmp_path / "photos"


def told_by(*command: object) -> list[str]:
    """The lines that a command tells it in."""
    return [line for line in call(*command).err.splitlines() if " to go at " in line]


@pytest.mark.parametrize(("decoding", "more"), [(1.6, ", most of it for reading and decoding the files"), (1.4, "")])
def test_it_says_if_files_are_what_takes_the_time(decoding: float, more: str, clock: list[float]) -> None:
    """The encoder waits for them more than half of it."""
    progress = Lines()
    forecast = Forecast(310, progress)
    clock[0] += decoding
    forecast.decoded()
    clock[0] += 3.0 - decoding
    forecast.advance(10)
    assert progress.said == [f"300 of 310 images to go at 3 a second: about 2 min{more}"]


def test_an_index_tells_it(photos: Path, tmp_path: Path) -> None:
    """Where nothing looks at images before, too; once it is there, of what is new."""
    given = ("index", "--corpus", photos, "--encoder", "lite0", "--whitening", 0, "--out", tmp_path / "out")
    (first,) = told_by(*given)
    assert first.startswith("6 of 70 images to go at "), "after a batch of 64"
    assert told_by(*given) == []


@pytest.mark.slow
def test_quickstart_tells_it_of_all_images(photos: Path, tmp_path: Path) -> None:
    """Although the whitening sees only those for training first."""
    (line,) = told_by("quickstart", photos, "--out", tmp_path / "out", "--no-demo")
    training = samekind.Index.open(tmp_path / "out").splits.count("train")
    assert line.startswith(f"{70 - min(64, training)} of 70 images to go at ")
