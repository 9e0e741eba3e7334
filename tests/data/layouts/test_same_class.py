"""Same class by a shared label, against sets of Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samekind.data.types import same_class as module
from samekind.data.types.same_class import ANY, EXACT, JOINED_BY, LabelSets, rule_of, same_class, same_labels


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), labels=st.sampled_from([1, 3, 70, 200]), block=st.sampled_from([1, 1 << 22]))
def test_same_is_a_shared_label_and_counts_are_those_of_a_double_loop(seed: int, labels: int, block: int) -> None:
    """Also of more labels than a word has bits, in blocks of any size, and with images of unknown class."""
    random = np.random.default_rng(seed)
    sets = [frozenset(random.choice(labels, random.integers(1, min(labels, 3) + 1)).tolist()) for _ in range(90)]
    names = [JOINED_BY.join(sorted(f"label {number:03d}" for number in each)) for each in sets]
    classes = sorted(set(names))
    class_N = np.array([-1, *map(classes.index, names)])
    own = [frozenset(), *sets]
    label_sets = LabelSets.of(classes, ANY)
    assert label_sets is not None
    wanted = np.array([[bool(a & b) for b in own] for a in own])
    np.testing.assert_array_equal(same_class(class_N[:, None], class_N[None, :], label_sets), wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_VALUES", block)
        np.testing.assert_array_equal(label_sets.num_same(class_N, class_N), wanted.sum(axis=1))


def test_the_rule_decides() -> None:
    """`exact` and no rule compare numbers; a label of two words joined is one of two only for `any`."""
    assert LabelSets.of(["cat", "cat + dog"], EXACT) is None
    assert LabelSets.of(["cat"], "") is None
    assert same_labels("cat", "cat + dog", ANY) is True
    assert same_labels("cat", "cat + dog", EXACT) is False
    assert same_labels("cat + dog", "cat + dog", EXACT) is True
    assert same_labels("cat", "dog", ANY) is False
    assert same_labels("cat", None, ANY) is None
    assert [rule_of(rules) for rules in (["", "any", "exact"], ["exact", ""], [""], [])] == [ANY, EXACT, "", ""]
