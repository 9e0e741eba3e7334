from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import samekind as sk
from samekind.indexer.map import reading, sketch
from samekind.indexer.storage.layout import MAP
from tests.indexer.helpers import FakeEncoder, arrays_corpus


@pytest.fixture
def copied(index: sk.Index, tmp_path: Path) -> Path:
    """A copy that may be written."""
    shutil.copytree(index.path, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_map_is_read_as_it_was_written(copied: Path) -> None:
    """Points, figures and what it was made from; `verify` knows the file."""
    index = sk.Index.open(copied)
    assert sk.read_map(index) is None
    made = sk.make_map(index, seed=2)
    made.write(copied)
    found = sk.read_map(index)
    assert found is not None
    assert found.point_N2.shape == (60, 2)
    assert np.array_equal(found.point_N2, made.point_N2)
    assert (found.to_dict(), found.state) == (made.to_dict(), index.state)
    assert (found.seed, found.adaptation) == (2, None)
    assert found.trustworthiness is not None
    assert found.trustworthiness > 0.8
    part = sk.verify(copied).parts[-1]
    assert (part.part, part.ok, part.message) == (MAP, True, "where each image lies")


def test_a_sketch_is_the_first_two_principal_components(index: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a singular value decomposition has them, up to their signs, however many rows are looked at once."""
    vectors = index.vectors().astype(np.float64)
    left, strength, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    wanted = left[:, :2] * strength[:2] / np.sqrt(np.mean((left[:, 0] * strength[0]) ** 2))
    for block in (8192, 7):
        monkeypatch.setattr(sketch, "_BLOCK", block)
        found = sk.sketch_map(index)
        assert np.allclose(np.abs(found), np.abs(wanted), atol=1e-5)
        assert np.allclose(found.mean(axis=0), 0, atol=1e-6)


@pytest.mark.parametrize("vectors", [np.ones((1, 4)), np.ones((5, 4)), np.eye(3)[:, :1], np.array([[1.0], [-1.0]])])
def test_few_images_equal_ones_and_one_dimension_have_a_sketch(vectors: NDArray[np.float64]) -> None:
    """Nothing is divided by a spread that is not there."""
    found = sketch.principal_positions(vectors.astype(np.float32))
    assert found.shape == (len(vectors), 2)
    assert np.isfinite(found).all()


def test_labels_do_not_move_a_point(index: sk.Index, tmp_path: Path) -> None:
    """The same images without labels have the same map."""
    bare = sk.build_index(arrays_corpus(labelled=False), FakeEncoder(), tmp_path / "bare")
    assert np.array_equal(sk.make_map(index).point_N2, sk.make_map(bare).point_N2)


def test_a_map_of_another_state_is_stale(copied: Path) -> None:
    """After images were removed the map is no longer read, and `verify` says so without calling it damaged."""
    index = sk.Index.open(copied)
    sk.make_map(index).write(copied)
    index.remove(index.ids[:3])
    assert sk.read_map(index) is None
    part = sk.verify(copied).parts[-1]
    assert (part.part, part.ok) == (MAP, True)
    assert "earlier state" in part.message
    sk.make_map(index).write(copied)
    assert sk.read_map(index) is not None


def test_a_map_of_another_adaptation_is_stale(index: sk.Index) -> None:
    """The map of an adapted space does not show the encoder's own."""
    made = sk.make_map(index)
    assert reading.fits(made, index)
    assert not reading.fits(replace(made, adaptation=(1, made.made)), index)


@pytest.mark.parametrize("at", [0.0, 1 / 3, 2 / 3, 1.0])
def test_a_damaged_map_is_refused(copied: Path, at: float) -> None:
    """A flipped bit anywhere is found, by whoever reads the map and by `verify`; the index itself stays usable."""
    index = sk.Index.open(copied)
    sk.make_map(index).write(copied)
    content = bytearray((copied / MAP).read_bytes())
    content[min(int(at * len(content)), len(content) - 1)] ^= 0x10
    (copied / MAP).write_bytes(bytes(content))
    with pytest.raises(sk.ArtefactError, match="map"):
        sk.read_map(index)
    assert [part.part for part in sk.verify(copied).damaged] == [MAP]
    assert len(sk.Index.open(copied).search_id(index.ids[0]).hits) == 10


def test_an_approximate_index_has_a_map(index: sk.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its neighbours are those of searches: on an exact index the same ones."""
    exact = sk.make_map(index).point_N2
    monkeypatch.setattr(type(index.adapted_index), "exact", False)
    assert np.array_equal(sk.make_map(index).point_N2, exact)
