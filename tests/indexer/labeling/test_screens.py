"""Screens: held to a slow loop over sets; nothing is asked twice, copies are one image, labels decide nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.splits import Split
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.screen_pool import IMAGES, MOST_BRIDGES, ScreenPool, acquire_screens
from samekind.indexer.labeling.screens import Screen
from samekind.indexer.labeling.verdicts import DIFFERENT, SAME, Verdict, VerdictTable
from samekind.training.false_negatives.links import Pair
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder

TRAINED, TESTED = 60, 20


def build(folder: Path, *, labelled: bool = True, split: Split | None = None) -> Index:
    """60 training pictures of three kinds, a copy of three of them, and 20 test pictures, one of them a copy; or all of one split."""
    pixels = kinds(TRAINED + TESTED)
    pixels = np.concatenate([pixels[[5]], pixels[:TRAINED], pixels[:3], pixels[TRAINED:]])
    places: list[Split] = ["train" if 0 < i < TRAINED + 4 else "test" for i in range(len(pixels))]
    labels = [
        ("Bag", "Coat", "Shirt")[i % 3] for i in (5, *range(TRAINED), *range(3), *range(TRAINED, TRAINED + TESTED))
    ]
    corpus = Corpus.from_arrays(
        list(pixels),
        labels if labelled else None,
        [split or place for place in places],
        name="kinds",
        source={"corpus": "kinds"},
    )
    save_encoder(FakeEncoder(), folder)
    return build_index(corpus, FakeEncoder(), folder)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Not to be changed."""
    return build(tmp_path_factory.mktemp("screens"))


@pytest.fixture(scope="module")
def pool(index: Index) -> ScreenPool:
    """Its screens."""
    return ScreenPool(index)


def trained(index: Index) -> dict[str, str]:
    """Label of each content of the split `train`."""
    rows = zip(index.rows.column("sha256"), index.splits, index.labels or [], strict=True)
    return {sha256: label or "" for sha256, split, label in rows if split == "train"}


def answered(index: Index, screens: list[Screen]) -> dict[Pair, Verdict]:
    """Answers as the labels give them."""
    label = dict(zip(index.ids, index.labels or [], strict=True))
    same = {image.id for s in screens for image in s.images if label[image.id] == label[s.anchor.id]}
    return {
        v.pair: v for s in screens for v in s.verdicts([image.id for image in s.images if image.id in same], "oracle")
    }


def brute_force(index: Index, anchor: str, size: int, nearest: int) -> list[str]:
    """The images beside an anchor that nothing is known about, by loops over sets."""
    vector = dict(zip(index.rows.column("sha256"), index.vectors().astype(np.float64), strict=True))
    others = sorted((s for s in trained(index) if s != anchor), key=lambda s: -float(vector[s] @ vector[anchor]))
    near, chosen = others[:nearest], [anchor]
    while len(chosen) <= min(size, len(near)):
        rest = [sha256 for sha256 in near if sha256 not in chosen]
        chosen.append(min(rest, key=lambda s: max(float(vector[s] @ vector[c]) for c in chosen)))
    return [sha256 for sha256 in near if sha256 in chosen]


@pytest.mark.parametrize(("size", "nearest"), [(20, None), (5, 5), (7, 30), (30, None), (59, None)])
def test_the_images_are_those_of_a_slow_loop(index: Index, pool: ScreenPool, size: int, nearest: int | None) -> None:
    """Of the anchor's nearest the ones farthest from it and from each other, most similar first, with their figures."""
    for screen in pool.acquire({}, 5, size, nearest=nearest):
        fresh = pool.acquire({}, 1, size, nearest=nearest, leave_out=set(trained(index)) - {screen.anchor.sha256})[0]
        expected = brute_force(index, screen.anchor.sha256, size, nearest or max(40, size))
        assert [image.sha256 for image in fresh.images] == expected
        assert len(expected) == size
    row = {id_: i for i, id_ in enumerate(index.ids)}
    vectors = index.vectors().astype(np.float64)
    for image in fresh.images:
        assert image.similarity == pytest.approx(vectors[row[image.id]] @ vectors[row[fresh.anchor.id]], abs=1e-9)
        assert image.label == (index.labels or [])[row[image.id]]
        assert index.rows.column("sha256")[row[image.id]] == image.sha256
    assert (fresh.anchor.similarity, fresh.anchor.label) == (1.0, trained(index)[fresh.anchor.sha256])


def test_what_is_asked_about_is_trained_and_different(index: Index, pool: ScreenPool) -> None:
    """No test image, no copy twice, neither beside itself nor as a second anchor; a test copy of a training image is that image."""
    screens = pool.acquire({}, 1000, 4)
    contents = set(trained(index))
    assert contents >= {image.sha256 for s in screens for image in (s.anchor, *s.images)}
    assert all(len({image.sha256 for image in (s.anchor, *s.images)}) == 1 + len(s.images) for s in screens)
    pairs = [pair for s in screens for pair in s.pairs]
    assert len(pairs) == len(set(pairs)) == len(contents) * (len(contents) - 1) // 2, "in the end all is asked"
    assert pool.num_unseen({}) == len(contents)


def test_anchors_are_drawn_by_seed_and_new_as_long_as_there_are_any(index: Index, pool: ScreenPool) -> None:
    """The same screens for a seed, others for another; while there are images that no answer is about, one of these is the anchor."""
    screens = pool.acquire({}, 4)
    assert [s.id for s in ScreenPool(index).acquire({}, 4)] == [s.id for s in screens]
    assert {s.anchor.id for s in pool.acquire({}, 4, seed=1)} != {s.anchor.id for s in screens}
    anchors = {pool.acquire({}, 1, seed=seed)[0].anchor.id for seed in range(200)}
    assert len(anchors) > 0.8 * len(trained(index)), "any of them can be drawn"
    current: dict[Pair, Verdict] = {}
    while num_unseen := pool.num_unseen(current):
        (screen,) = pool.acquire(current, 1)
        seen = {sha256 for pair in current for sha256 in pair}
        assert screen.anchor.sha256 not in seen
        current |= {v.pair: replace(v, verdict="unsure") for v in screen.verdicts([])}
        assert pool.num_unseen(current) < num_unseen


def test_a_list_is_what_would_be_asked_one_after_the_other(pool: ScreenPool) -> None:
    """Answers from which nothing follows change nothing of what comes next."""
    screens, current = pool.acquire({}, 6), dict[Pair, Verdict]()
    for screen in screens:
        assert pool.acquire(current, 1) == [screen]
        current |= {v.pair: replace(v, verdict="unsure") for v in screen.verdicts([])}


@settings(max_examples=8, deadline=None)
@given(size=st.integers(1, 12), seed=st.integers(0, 5), errors=st.sampled_from([0.0, 0.1]))
def test_nothing_is_asked_twice_and_all_comes_to_an_end(
    index: Index, pool: ScreenPool, size: int, seed: int, errors: float
) -> None:
    """Screen after screen, no pair that is answered or follows, and of a must-link group one image; in the end every pair is answered."""
    random, current = np.random.default_rng(seed), dict[Pair, Verdict]()
    while screens := pool.acquire(current, 1, size, seed=seed):
        (screen,) = screens
        closure = ConstraintClosure(current)
        assert 1 <= len(screen.images) <= size
        assert not any(pair in closure for pair in screen.pairs)
        groups = [closure.group_of(image.sha256) for image in (screen.anchor, *screen.images)]
        assert len(set(groups)) == len(groups)
        for pair, verdict in answered(index, screens).items():
            flipped = DIFFERENT if verdict.verdict == SAME else SAME
            current[pair] = replace(verdict, verdict=flipped) if random.random() < errors else verdict
    closure = ConstraintClosure(current)
    assert all(pair in closure for pair in itertools.combinations(sorted(trained(index)), 2))
    total = len(trained(index)) * (len(trained(index)) - 1) // 2
    assert errors or len(current) < total / 2, "most of it follows"


def test_the_artefacts_answers_are_passed_over_until_they_are_taken_back(tmp_path: Path) -> None:
    """The function reads the table; a screen that is taken back comes again, and about as many images nothing is known."""
    index = build(tmp_path / "own")
    table = VerdictTable(index.path)
    first, second = acquire_screens(index, 2)
    table.add(first.verdicts([first.images[0].id], who="Ana"))
    given = table.all()
    assert [v.verdict for v in given] == [SAME] + [DIFFERENT] * 9
    assert {(v.anchor_sha256, v.who, v.screen) for v in given} == {(first.anchor.sha256, "Ana", first.id)}
    assert [v.negative_sha256 for v in given] == [image.sha256 for image in first.images]
    assert table.withdraw(first.id) == 10
    assert acquire_screens(index, 2) == [first, second]


def test_labels_decide_nothing(pool: ScreenPool, tmp_path: Path) -> None:
    """Without labels the very same screens come."""
    unlabelled = acquire_screens(build(tmp_path / "unlabelled", labelled=False), 8)
    assert [s.id for s in unlabelled] == [s.id for s in pool.acquire({}, 8)]
    assert unlabelled[0].anchor.label is None


@pytest.mark.parametrize("split", ["test", "train"])
def test_an_index_of_one_split(tmp_path: Path, split: Split) -> None:
    """Where nothing is in the split `train`, all images are asked about."""
    index = build(tmp_path / "one", split=split)
    assert ScreenPool(index).num_unseen({}) == TRAINED + TESTED
    assert all(len(s.images) == IMAGES for s in acquire_screens(index, 3))


@pytest.mark.parametrize(("count", "images"), [(1, 0), (2, 1), (9, 8)])
def test_an_index_smaller_than_a_screen(tmp_path: Path, count: int, images: int) -> None:
    """A screen has what there is; a single image has none."""
    corpus = Corpus.from_arrays(list(kinds(count)), None, ["train"] * count, name="few", source={"corpus": "few"})
    save_encoder(FakeEncoder(), tmp_path)
    screens = acquire_screens(build_index(corpus, FakeEncoder(), tmp_path), 1)
    assert [len(s.images) for s in screens] == ([images] if images else [])


def test_a_screen_of_contents(index: Index, pool: ScreenPool) -> None:
    """It is the one that was asked about, whatever the order; what the index does not hold is left out."""
    (screen,) = pool.acquire({}, 1)
    shas = [image.sha256 for image in screen.images]
    assert pool.about(screen.anchor.sha256, shas[::-1]) == screen
    assert replace(screen, images=screen.images[::-1]).id == screen.id
    assert pool.about(screen.anchor.sha256, [*shas, shas[0], "0" * 64, screen.anchor.sha256]) == screen
    fewer = pool.about(screen.anchor.sha256, shas[1:])
    assert fewer is not None
    assert (fewer.images, fewer.id == screen.id) == (screen.images[1:], False)
    assert pool.about("0" * 64, shas) is pool.about(screen.anchor.sha256, ["0" * 64]) is None
    assert pool.holds((shas[0], shas[1]))
    assert not pool.holds((shas[0], "0" * 64))


def test_what_is_no_screen_or_answer(pool: ScreenPool) -> None:
    """Refused with its value."""
    for wrong in ({"count": 0}, {"size": 0}, {"size": True}, {"nearest": 9}):
        with pytest.raises(InputError, match="must be a whole number from"):
            pool.acquire({}, **wrong)
    with pytest.raises(InputError, match="'nowhere' is not on this screen"):
        pool.acquire({}, 1)[0].verdicts(["nowhere"])


def test_groups_near_the_anchor_stand_on_its_screen_once_each(index: Index, pool: ScreenPool) -> None:
    """The two whose mean is most similar to the mean of its own group, by the image that is most similar to that mean."""
    vector = dict(zip(index.rows.column("sha256"), index.vectors().astype(np.float64), strict=True))
    contents = sorted(trained(index))
    groups = [contents[start : start + 3] for start in range(0, 24, 3)]
    current = {(a, b): Verdict(a, b, SAME) for group in groups for a, b in itertools.pairwise(group)}
    anchor = groups[0][1]
    told = (groups[0][0], groups[3][0])
    current[told] = Verdict(*told, DIFFERENT)
    mean = np.mean([vector[sha256] for sha256 in groups[0]], axis=0)

    def closeness(group: list[str]) -> float:
        centre = np.mean([vector[sha256] for sha256 in group], axis=0)
        return float(centre @ mean / np.linalg.norm(centre))

    near = sorted((group for group in groups[1:] if group != groups[3]), key=closeness, reverse=True)[:MOST_BRIDGES]
    expected = {max(group, key=lambda sha256: float(vector[sha256] @ mean)) for group in near}
    (screen,) = pool.acquire(current, 1, 8, nearest=8, leave_out=set(contents) - {anchor})
    shown = {image.sha256 for image in screen.images}
    assert screen.anchor.sha256 == anchor
    assert expected <= shown
    assert len(shown) == 8
    assert not shown & {*groups[0], *groups[3]}
    assert all(len(shown & set(group)) <= 1 for group in groups)
    (small,) = pool.acquire(current, 1, 2, leave_out=set(contents) - {anchor})
    assert {image.sha256 for image in small.images} <= expected


def test_only_some_images_are_asked_about(index: Index) -> None:
    """Every pair of them in the end, whatever their split, and nothing else; what the index does not hold is passed over."""
    contents = [index.row(id_)["sha256"] for id_ in [*index.ids[10:14], *index.ids[-3:]]]
    among = ScreenPool(index, [*contents, "0" * 64])
    screens = among.acquire({}, 100, 3)
    pairs = {pair for s in screens for pair in s.pairs}
    assert pairs == set(itertools.combinations(sorted(contents), 2))
    assert among.num_unseen({}) == len(contents)
    assert not ScreenPool(index, contents[:1]).acquire({}, 1)
