"""Answers as rows: groups, copies, duplicates, what is told apart, and what does not count."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from samekind.indexer.adaptation.answered import answers_about
from samekind.indexer.labeling.verdicts import Verdict
from samekind.indexer.storage.rows import Rows
from samekind.training.answers.answered import Answered

NAMES = "abcdefgh"
SHA = {name: f"{number:x}" * 64 for number, name in enumerate(NAMES, start=1)}


def read(*said: str, held: str = NAMES) -> Answered:
    """Answers like `a=b`, `a!b`, `a~b` (duplicates) and `a?b` about an index of the images `held`, in this order."""
    words = {"=": "same", "!": "different", "~": "duplicate", "?": "unsure"}
    verdicts = [Verdict(SHA[pair[0]], SHA[pair[2]], words[pair[1]]) for pair in said]
    rows = Rows(pa.table({"id": list(range(len(held))), "sha256": [SHA[name] for name in held]}))
    return answers_about({verdict.pair: verdict for verdict in verdicts}, rows)


def groups(answered: Answered) -> list[list[int]]:
    """As lists."""
    return sorted(group.tolist() for group in answered.groups)


def test_same_is_transitive_and_unsure_says_nothing() -> None:
    """Rows of each group, ascending."""
    found = read("a=b", "c=b", "d=e", "f?g")
    assert groups(found) == [[0, 1, 2], [3, 4]]
    assert (found.same, found.not_same, found.num_answers) == (3, 0, 3)


def test_what_one_of_a_group_is_not_none_of_it_is() -> None:
    """From either side."""
    found = read("a=b", "a!c", "d!b", "e=f", "f!a")
    by_group = {
        tuple(group): other.tolist() for group, other in zip(map(tuple, found.groups), found.different, strict=True)
    }
    assert by_group == {(0, 1): [2, 3, 5], (4, 5): [0]}


def test_duplicates_count_once_and_are_members_all_the_same() -> None:
    """What differs between two pictures of one thing tells nothing about its class."""
    found = read("a~b", "b=c", "b~d", "e~f")
    assert groups(found) == [[0, 2]]
    assert [set(members) for members in found.members] == [{SHA[name] for name in "abcd"}]
    assert found.same == 4


def test_copies_are_one_image() -> None:
    """The first row stands for them."""
    assert groups(read("a=b", held="bcaab")) == [[0, 2]]


def test_images_that_are_gone_are_counted_and_join_what_is_left() -> None:
    """a and c are the same because both are the same as b, though b was removed."""
    found = read("a=b", "b=c", "d!b", held="acd")
    assert groups(found) == [[0, 1]]
    assert [other.tolist() for other in found.different] == [[2]]
    assert (found.gone, found.num_answers) == (3, 0)


def test_a_group_that_contradicts_itself_is_left_out() -> None:
    """The others stay."""
    found = read("a=b", "b=c", "a!c", "d=e")
    assert groups(found) == [[3, 4]]
    assert found.contradictions == 1


def test_nothing_at_all() -> None:
    """No answer, or only different ones."""
    assert groups(read()) == []
    assert groups(read("a!b", "c!d")) == []
    assert read("a!b", "c!d").not_same == 2


def test_what_one_of_a_group_is_told_from_all_of_it_are() -> None:
    """Groups are told from each other as wholes; images in no group stand alone."""
    groups = (np.array([0, 1]), np.array([4, 5, 6]), np.array([8, 9]))
    different = (np.array([5, 7]), np.array([0]), np.array([], dtype=np.int64))
    answered = Answered(groups, ((),) * 3, different, 1, 1, 0, 0)
    assert [rows.tolist() for rows in answered.apart] == [[4, 5, 6, 7], [0, 1], []]
    assert [rows.tolist() for rows in answered.strangers] == [[7], [], []]
