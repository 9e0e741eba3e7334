"""The space that a training with answers starts from: the map is in it where held-out images gain by it, and is found again."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from samekind.training.answers.answered import Answered
from samekind.training.answers.metric import Total, Within, adapted_map, mapped
from samekind.training.answers.start import AnsweredStart, Start
from samekind.training.false_negatives.links import LinkConstraints
from samekind.training.models.encoder import Encoder, EncoderSpec
from tests.indexer.adaptation.worlds import DIM, vectors_of

CLASSES = np.arange(240) % 6
VECTORS = vectors_of(CLASSES)
HASHES = [f"{number:064x}" for number in range(len(CLASSES))]


def encoder() -> Encoder:
    """One whose whitening keeps as many directions as the vectors have, and which were its features."""
    made = Encoder(EncoderSpec("resnet-small", 16, 1, DIM, (0.5,), (0.2,), width=4, pool=1))
    torch.nn.init.orthogonal_(made.whitening.matrix)
    made.whitening.mean.normal_()
    return made.eval()


def features(of: Encoder) -> np.ndarray:
    """Features whose embedding is `VECTORS`."""
    inverse = np.linalg.pinv(of.whitening.matrix.numpy().astype(np.float64))
    return np.asarray(VECTORS @ inverse + of.whitening.mean.numpy(), dtype=np.float32)


def told(groups: list[list[int]]) -> LinkConstraints:
    """Groups of rows, each told from the first image of the others."""
    same = {(HASHES[group[0]], HASHES[row]) for group in groups for row in group[1:]}
    other = {(HASHES[a[0]], HASHES[b[0]]) for a, b in combinations(groups, 2)}
    members = tuple(frozenset(HASHES[row] for row in group) for group in groups)
    return LinkConstraints(members, frozenset(same), frozenset(), frozenset(other), frozenset(), frozenset())


TRUE = told([np.flatnonzero(number == CLASSES)[:15].tolist() for number in range(6)])
CHANCE = told(np.random.default_rng(2).permutation(240)[:90].reshape(6, 15).tolist())


def turned(constraints: LinkConstraints, of: Encoder, file: Path) -> Start:
    """What becomes of the answers."""
    start = AnsweredStart(constraints)
    seen = features(of)
    start.turn(of, lambda: of.embed_features(seen), HASHES, file)
    assert start.found is not None
    return start.found


def test_true_answers_are_in_the_space_from_the_start(tmp_path: Path) -> None:
    """Its embeddings are those of the frozen space under the map of all groups, in one matrix."""
    made = encoder()
    seen = features(made)
    found = turned(TRUE, made, tmp_path / "start")
    assert found.adapted
    assert (found.answers, found.groups) == (84 + 15, 6)
    assert "starts from: the frozen space adapted by 99 answers, 6 groups" in found.line
    groups = Answered.of(TRUE, {sha256: row for row, sha256 in enumerate(HASHES)}).groups
    map_DD = adapted_map(Total(VECTORS), Within.of([VECTORS[group] for group in groups], DIM))
    assert np.abs(map_DD - np.eye(DIM)).max() > 0.01
    np.testing.assert_allclose(made.embed_features(seen), mapped(VECTORS, map_DD), atol=2e-5)


def test_answers_that_held_out_images_do_not_gain_by_leave_the_frozen_space(tmp_path: Path) -> None:
    """Bit for bit, and the line says why."""
    made = encoder()
    before = made.whitening.matrix.clone()
    found = turned(CHANCE, made, tmp_path / "start")
    assert not found.adapted
    assert "starts from: the frozen space (no clear gain" in found.line
    assert torch.equal(made.whitening.matrix, before)
    few = turned(told([[0, 6, 12], [1, 7, 13]]), made, tmp_path / "few")
    assert few.held_out.before is None
    assert "too few answers: 2 groups" in few.line
    assert torch.equal(made.whitening.matrix, before)


@pytest.mark.parametrize("constraints", [TRUE, CHANCE, told([[0, 6, 12]])])
def test_a_start_is_found_again(constraints: LinkConstraints, tmp_path: Path) -> None:
    """A resumed run takes it from its file and computes nothing; fingerprints name what is there now."""
    first, again = encoder(), encoder()
    again.load_state_dict(first.state_dict())
    frozen = first.fingerprint
    found = turned(constraints, first, tmp_path / "start")
    assert (first.fingerprint != frozen) == found.adapted
    start = AnsweredStart(constraints)
    start.turn(again, lambda: pytest.fail("computed again"), HASHES, tmp_path / "start")
    assert start.found == found
    assert again.fingerprint == first.fingerprint


def test_other_answers_have_another_start() -> None:
    """Its file is named by what they say."""
    assert AnsweredStart(TRUE).key == AnsweredStart(told([*_groups_of(TRUE)])).key != AnsweredStart(CHANCE).key


def _groups_of(constraints: LinkConstraints) -> list[list[int]]:
    """Rows of its groups, as they were told."""
    return [sorted(HASHES.index(sha256) for sha256 in group) for group in constraints.must_link_groups]
