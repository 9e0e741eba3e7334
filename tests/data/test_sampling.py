"""Stratified choices."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from data.sampling import stratified_sample, train_test_split

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
