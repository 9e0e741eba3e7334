"""Health of a space: closed forms of each figure, and when it is called a collapse."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from samekind.core.progress import NoProgress
from samekind.training.diagnostics.health import (
    alignment,
    collapse_line,
    dead_dimensions,
    effective_rank,
    health_of,
    uniformity,
)
from samekind.training.diagnostics.health_sample import draw_health_sample
from samekind.training.run.train import train
from samekind.training.training_set import load_training_images
from tests.training.runs import config, corpus, interrupted_at, without_times

RANDOM = np.random.default_rng(0)


def gaussian(rows: int, dim: int) -> NDArray[np.float64]:
    """Isotropic directions."""
    drawn = np.random.default_rng(1).normal(size=(rows, dim))
    unit: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def with_spectrum(values: Sequence[float], rows: int, dim: int) -> NDArray[np.float64]:
    """A matrix of these singular values, in random directions on both sides."""
    left, right = (np.linalg.qr(RANDOM.normal(size=(size, size)))[0] for size in (rows, dim))
    made: NDArray[np.float64] = (left[:, : len(values)] * values) @ right[: len(values)]
    return made


@pytest.mark.parametrize(("rows", "dim"), [(20, 7), (7, 20), (12, 12)])
def test_effective_rank_of_known_spectra(rows: int, dim: int) -> None:
    """r equal singular values give r, whatever their size; unequal ones exp of their entropy; taller or wider makes no difference."""
    for count in (1, 3, 7):
        assert effective_rank(with_spectrum([5.0] * count, rows, dim)) == pytest.approx(count, rel=1e-6)
    share = np.array([8, 4, 2, 1]) / 15
    assert effective_rank(with_spectrum([8, 4, 2, 1], rows, dim)) == pytest.approx(np.prod(share**-share), rel=1e-6)


def test_effective_rank_at_its_ends() -> None:
    """Orthonormal rows have their number, equal rows 1, zeros 0, an isotropic cloud nearly the dimension."""
    assert effective_rank(np.eye(9, dtype=np.float32)) == pytest.approx(9)
    assert effective_rank(np.full((30, 4), 0.5, dtype=np.float32)) == pytest.approx(1, abs=1e-5)
    assert effective_rank(np.zeros((3, 4), dtype=np.float32)) == 0
    assert 0.995 * 16 < effective_rank(gaussian(5000, 16)) <= 16


def test_alignment_is_the_mean_squared_distance() -> None:
    """0 of the same views, 2 of orthogonal ones, 4 of opposite ones, and their mean of a mixture."""
    eye = np.eye(4)
    assert alignment(eye, eye) == 0
    assert alignment(eye, np.roll(eye, 1, axis=0)) == pytest.approx(2)
    assert alignment(eye, -eye) == pytest.approx(4)
    assert alignment(eye, np.concatenate([eye[:2], -eye[2:]])) == pytest.approx(2)


def test_uniformity_of_points_lines_and_spheres() -> None:
    """0 where all is one point, −4 of orthonormal rows, −8 of two opposite ones; a mixture by hand; a cloud as a loop has it."""
    assert uniformity(np.full((30, 4), 0.5)) == pytest.approx(0, abs=1e-12)
    assert uniformity(np.eye(6)) == pytest.approx(-4)
    assert uniformity(np.array([[1.0, 0.0], [-1.0, 0.0]])) == pytest.approx(-8)
    twins = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert uniformity(twins) == pytest.approx(np.log((1 + 2 * np.exp(-4)) / 3))
    cloud = gaussian(12, 3)
    pairs = [np.exp(-2 * np.sum((cloud[i] - cloud[j]) ** 2)) for i in range(12) for j in range(i)]
    assert uniformity(cloud) == pytest.approx(np.log(np.mean(pairs)))
    assert uniformity(gaussian(500, 8)) == pytest.approx(
        -4 + 2 / 8 * 4, abs=0.15
    )  # Gaussian approximation of the cosine


def test_dead_dimensions_are_those_that_do_not_vary() -> None:
    """None of an isotropic cloud, all of equal rows; constant, hardly varying and zero dimensions are counted, quiet ones are not."""
    assert dead_dimensions(gaussian(500, 16)) == 0
    assert dead_dimensions(np.full((30, 4), 0.5, dtype=np.float32)) == 1
    cloud = np.zeros((1000, 8))
    cloud[:, :3] = RANDOM.normal(size=(1000, 3)) / np.sqrt(8)
    cloud[:, 3] = 0.2
    cloud[:, 4] = RANDOM.normal(size=1000) * 0.005 / np.sqrt(8)
    cloud[:, 5] = RANDOM.normal(size=1000) * 0.02 / np.sqrt(8)
    assert dead_dimensions(cloud) == 4 / 8


def test_what_is_not_finite_has_no_figures() -> None:
    """Null and not NaN, which JSON does not know, and a collapse in words."""
    broken = gaussian(5, 3)
    broken[2, 1] = np.nan
    for rows in ((broken, gaussian(5, 3)), (gaussian(5, 3), broken)):
        health = health_of(rows[0], rows[1], rows[1])
        assert set(health.values()) == {None, 3}
        assert "not finite" in collapse_line([{"health": health}])


def ranks(*values: float | None, possible: int = 100) -> list[dict[str, Any]]:
    """Records of epochs with these effective ranks."""
    return [{"health": {"effective_rank": value, "possible_rank": possible}} for value in values]


def test_a_collapse_is_told_once() -> None:
    """Tiny beside the possible rank or the first epoch's; told in the epoch in which it happens, and again after a recovery."""
    assert collapse_line([]) == collapse_line([{"epoch": 1}, {"health": None}]) == ""
    assert collapse_line(ranks(40)) == collapse_line(ranks(70, 7.1)) == collapse_line(ranks(5.1)) == ""
    assert "rank of 4.9 (of at most 100)" in collapse_line(ranks(4.9))
    assert "rank of 6.9 (of at most 100, 70 after epoch 1)" in collapse_line(ranks(70, 6.9))
    assert "--learning-rate" in collapse_line(ranks(70, 6.9))
    assert collapse_line(ranks(70, 6.9, 6.8)) == ""
    assert collapse_line(ranks(70, 6.9, 20, 6.8))
    assert collapse_line(ranks(2.0, 1.6, possible=8)) == "", "small spaces have small ranks"
    assert collapse_line(ranks(1.4, possible=8))


class Lines(NoProgress):
    """Keeps what a run prints."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def print(self, line: str) -> None:
        """One line."""
        self.said.append(line)


def test_every_run_records_its_health(tmp_path: Path) -> None:
    """With labels and without, with a hold-out and without: the same sample, so the same figures where the space is the same."""
    told = Lines()
    healths = []
    for name, labelled, settings in (("a", True, {"hold_out": 0}), ("b", False, {}), ("c", False, {"whitening": 0.0})):
        run = train(corpus(labelled), config(**settings), tmp_path / name, progress=told)
        healths.append([record["health"] for record in run.history])
        assert all(1 < health["effective_rank"] <= health["possible_rank"] == 60 for health in healths[-1])
        assert all(health["alignment"] > 0 > health["uniformity"] for health in healths[-1])
        lines = [line for line in told.said if line.startswith("epoch ")][-2:]
        assert all(f"· rank {h['effective_rank']:.0f} ·" in line for h, line in zip(healths[-1], lines, strict=True))
    assert healths[0] == healths[1] == healths[2]
    assert not any("collapse" in line for line in told.said)


def test_a_run_that_collapses_says_so(tmp_path: Path) -> None:
    """An absurd learning rate, with a decay that takes all weights away: images become one point, and the line after that epoch says it."""
    told = Lines()
    run = train(corpus(False), config(learning_rate=10.0, weight_decay=0.5, epochs=3), tmp_path, progress=told)
    last = run.history[-1]["health"]
    assert last["effective_rank"] < 1.1
    assert last["dead_dimensions"] == 1
    assert "collapse" in told.said[-1]
    assert told.said[-2].startswith("epoch 3/3")


def test_measuring_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are the same bytes without it, also where the objective draws numbers; an interrupted run has the same records."""
    settings = {"objective": "mixed", "hold_out": 12}
    whole = train(corpus(), config(**settings), tmp_path / "whole")
    with interrupted_at(2):
        train(corpus(), config(**settings), tmp_path / "parts")
    parts = train(corpus(), config(**settings), tmp_path / "parts")
    assert without_times(parts.history) == without_times(whole.history)
    monkeypatch.setattr("samekind.training.diagnostics.health_sample.HealthSample.health", lambda *_: None)
    blind = train(corpus(), config(**settings), tmp_path / "blind")
    assert blind.history[0]["health"] is None
    assert (blind.out / "encoder.safetensors").read_bytes() == (whole.out / "encoder.safetensors").read_bytes()


def test_the_sample_is_small_and_seeded() -> None:
    """A tenth of the images for the rank (at least 256), a fortieth for views (at least 32); the numbers of torch stay untouched."""
    images = load_training_images(corpus(count=600).split("train"), config(), NoProgress())
    before = torch.get_rng_state()
    made = [draw_health_sample(images, config(), lambda pixels, seed: (pixels, pixels[::-1] + seed[-1])) for _ in "ab"]
    assert torch.equal(torch.get_rng_state(), before)
    assert (len(made[0].chosen), len(made[0].images), len(made[0].view_1)) == (256, 256, 32)
    assert list(made[0].chosen) == sorted(set(made[1].chosen))
    assert np.array_equal(made[0].images, images.pixels[images.fit[made[0].chosen]])
