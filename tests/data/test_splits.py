"""Stratified choices."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from samekind.data.types.splits import stable_split, stratified_sample, train_test_split

LABELS = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=60)


@given(LABELS, st.data(), st.integers(0, 5))
def test_each_class_gets_its_share(labels: list[str | None], data: st.DataObject, seed: int) -> None:
    """Exactly `count` distinct rows, ascending, and no class is off its exact share by one or more."""
    count = data.draw(st.integers(0, len(labels)))
    rows = stratified_sample(labels, len(labels), count, seed).tolist()
    assert rows == sorted(set(rows))
    assert len(rows) == count
    chosen, all_of = Counter(labels[i] for i in rows), Counter(labels)
    for label, size in all_of.items():
        assert abs(chosen[label] - size * count / len(labels)) < 1


@given(LABELS)
def test_the_split_keeps_every_class_in_training(labels: list[str | None]) -> None:
    """No class is only in the test split, about a fifth is tested, and the same seed splits alike."""
    splits = train_test_split(labels, len(labels), seed=0)
    trained = {label for label, split in zip(labels, splits, strict=True) if split == "train"}
    assert trained == set(labels)
    assert splits.count("test") <= round(len(labels) * 0.2)
    assert splits == train_test_split(labels, len(labels), seed=0)


def test_the_seed_matters_and_labels_may_be_missing() -> None:
    """Another seed gives another split; unlabelled rows are split 80/20 as one group."""
    first, second = (train_test_split(None, 100, seed) for seed in (0, 1))
    assert first != second
    assert first.count("test") == second.count("test") == 20


@given(LABELS, st.data(), st.integers(0, 3))
def test_added_images_make_no_test_image_of_one_that_was_trained_on(
    labels: list[str | None], data: st.DataObject, seed: int
) -> None:
    """Wherever they sort, and however many: only in a class that all hashes would test (one or two images) may one change sides."""
    ids = [f"{i}.png" for i in data.draw(st.permutations(range(len(labels))))]
    old = data.draw(st.integers(1, len(labels)))
    before = dict(zip(ids[:old], stable_split(ids[:old], labels[:old], seed), strict=True))
    after = dict(zip(ids, stable_split(ids, labels, seed), strict=True))
    for name in set(labels[:old]):
        mine = [id_ for id_, label in zip(ids[:old], labels, strict=False) if label == name]
        to_test = [id_ for id_ in mine if (before[id_], after[id_]) == ("train", "test")]
        to_train = [id_ for id_ in mine if (before[id_], after[id_]) == ("test", "train")]
        tested = sum(before[id_] == "test" for id_ in mine)
        assert len(to_train) <= (tested == 1)
        assert len(to_test) <= (tested >= len(mine) - 1)


@given(LABELS, st.integers(0, 3))
def test_the_stable_split_trains_on_every_class_and_tests_every_one_of_two(labels: list[str | None], seed: int) -> None:
    """Also where the hashes alone would not; and the order of the images does not matter."""
    ids = [f"{i}.png" for i in range(len(labels))]
    splits = stable_split(ids, labels, seed)
    for name in set(labels):
        mine = [split for split, label in zip(splits, labels, strict=True) if label == name]
        assert "train" in mine
        assert "test" in mine or len(mine) == 1
    assert stable_split(ids[::-1], labels[::-1], seed) == splits[::-1]


def test_the_stable_split_is_seeded_and_about_80_to_20() -> None:
    """5,000 images: within four standard deviations of a fifth."""
    ids = [f"{i}.png" for i in range(5000)]
    first, second = (stable_split(ids, None, seed) for seed in (0, 1))
    assert first != second
    for splits in (first, second):
        assert abs(splits.count("test") - 1000) < 4 * (5000 * 0.2 * 0.8) ** 0.5
