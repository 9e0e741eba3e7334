"""Agreement between people: Cohen's κ by hand, by scikit-learn, by resampling, and where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

import samekind as sk
from samekind.indexer.labeling.people.agreement import cohens_kappa
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.end_to_end.helpers import call, refused
from tests.indexer.labeling.test_labels import tiny
from tests.indexer.labeling.test_verdicts import said


def test_kappa_by_hand() -> None:
    """20 and 15 of 50 alike, chance 0.5: κ = 0.2 / 0.5. Its variance by hand is 0.0504 / (50 · 0.5⁴)."""
    kappa, error = cohens_kappa(np.array([[20, 5], [10, 15]]))
    assert kappa == pytest.approx(0.4)
    assert error == pytest.approx((0.0504 / (50 * 0.5**4)) ** 0.5)
    assert cohens_kappa(np.array([[7, 0], [0, 3]])) == (1, 0)
    kappa, _ = cohens_kappa(np.array([[0, 5], [5, 0]]))
    assert kappa == pytest.approx(-1)


@given(
    st.lists(st.integers(0, 30), min_size=4, max_size=4).filter(
        lambda count: sum(count) > 0 and max(count[0], count[3]) < sum(count)
    )
)
def test_kappa_against_scikit_learn(count: list[int]) -> None:
    """Any table that has two answers in it."""
    table = np.array(count).reshape(2, 2)
    first, second = (np.repeat([0, 0, 1, 1], count), np.repeat([0, 1, 0, 1], count))
    kappa, error = cohens_kappa(table)
    assert kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
    assert error is not None
    assert error >= 0


def test_the_error_is_the_spread_of_repeated_tables() -> None:
    """2,000 draws of 1,000 pairs: their standard deviation is within 5 % of the formula's."""
    share = np.array([[0.45, 0.1], [0.2, 0.25]])
    draws = np.random.default_rng(0).multinomial(1000, share.ravel(), 2000).reshape(-1, 2, 2)
    spread = np.std([cohens_kappa(table)[0] or 0.0 for table in draws])
    assert cohens_kappa((share * 1000).round().astype(int))[1] == pytest.approx(spread, rel=0.05)


def test_where_kappa_is_undefined() -> None:
    """Without pairs, and where both gave one answer to all: chance would have brought that, too. Opposite answers to all are 0."""
    for count in ([[0, 0], [0, 0]], [[9, 0], [0, 0]], [[0, 0], [0, 4]]):
        assert cohens_kappa(np.array(count)) == (None, None)
    assert cohens_kappa(np.array([[0, 9], [0, 0]])) == (0, 0)


def test_who_said_what_of_the_pairs_that_two_answered(tmp_path: Path) -> None:
    """In either order of the pair; each person's latest answer, also where another one came later; no answer follows from others."""
    folder = tiny(tmp_path / "w").path
    ana = [
        said(0, 1, "different", 0),
        said(0, 1, "same", 5),
        said(1, 2, "same"),
        said(2, 3, "different"),
        said(4, 5, "unsure"),
    ]
    ana += [said(0, 5, "same"), said(0, 5, "withdrawn", 1), said(3, 9, "different", 9)]
    ben = [
        said(1, 0, "duplicate", 7),
        said(1, 2, "different", 8),
        said(3, 2, "different"),
        said(4, 5, "same"),
        said(0, 5, "different"),
    ]
    ben += [said(0, 2, "different"), said(9, 3, "same", 10)]
    everybody = [Verdict(*v.pair, v.verdict, who, v.when) for who, own in (("Ana", ana), ("Ben", ben)) for v in own]
    VerdictTable(folder).add(everybody)
    found = sk.agreement(folder)
    assert found.people == ("Ana", "Ben")
    (both,) = found.between
    assert (both.people, both.pairs, both.agreed, both.agreement) == (("Ana", "Ben"), 4, 2, 0.5)
    assert both.kappa == pytest.approx(cohens_kappa(np.array([[1, 1], [1, 1]]))[0])
    newest, other = found.disagreements
    assert newest.images == said(3, 9).pair
    assert sorted(map(str, newest.ids)) == ["3.png", "None"]
    assert [(each.who, each.verdict) for each in newest.answers] == [("Ana", "different"), ("Ben", "same")]
    assert sorted(map(str, other.ids)) == ["1.png", "2.png"]
    assert [(each.who, each.verdict) for each in other.answers] == [("Ana", "same"), ("Ben", "different")]


def test_three_people_and_one_without_a_name(tmp_path: Path) -> None:
    """Every two of them, those without a common pair as well."""
    given = [Verdict(*said(0, 1).pair, "same", who) for who in ("", "Ana", "Ben")] + [
        Verdict(*said(2, 3).pair, "different", "Cem")
    ]
    VerdictTable(tmp_path).add(given)
    found = sk.agreement(tmp_path)
    assert found.people == ("", "Ana", "Ben", "Cem")
    pairs = {each.people: (each.pairs, each.agreed, each.agreement, each.kappa) for each in found.between}
    assert len(pairs) == 6
    assert pairs["", "Ben"] == (1, 1, 1, None)
    assert pairs["Ana", "Cem"] == (0, 0, None, None)
    assert found.disagreements == ()


def test_the_command(tmp_path: Path) -> None:
    """A table and a list; a dash for what is undefined; one person is told so."""
    folder = tiny(tmp_path / "w").path
    assert call("verdicts", "agreement", folder).out == "0 people answered pairs: agreement takes two\n"
    table = VerdictTable(folder)
    table.add([said(0, 1, who="Ana"), said(1, 2, "different", who="Ana")])
    assert call("verdicts", "agreement", folder).out == "1 person answered pairs: agreement takes two\n"
    table.add([said(2, 3, who="Ben")])
    lines = call("verdicts", "agreement", folder).out.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["person", "and", "common", "pairs", "agreement", "kappa", "standard", "error"],
        ["Ana", "Ben", "0", "–", "–", "–"],
    ]
    assert lines[3:] == ["0 pairs were answered differently."]
    table.add([said(0, 1, "different", who="Ben"), said(1, 2, "different", who="Ben")])
    shown = call("verdicts", "agreement", folder)
    assert shown.code == 0
    assert shown.out.splitlines()[1].split() == ["Ana", "Ben", "2", "50.0", "%", "0.00", "0.00"]
    assert shown.out.splitlines()[3] == "1 pair was answered differently."
    assert "Ana: same (2026-11-24), Ben: different (2026-11-24)" in shown.out
    answer = call("verdicts", "agreement", folder, "--json").answer
    assert answer["people"] == ["Ana", "Ben"]
    assert answer["between"] == [
        {"people": ["Ana", "Ben"], "pairs": 2, "agreed": 1, "kappa": 0.0, "standard_error": 0.0, "agreement": 0.5}
    ]
    (disagreement,) = answer["disagreements"]
    assert sorted(disagreement["ids"]) == ["0.png", "1.png"]
    assert disagreement["answers"][0] == {"who": "Ana", "verdict": "same", "when": said(0, 1).when}
    assert "takes no file" in refused("verdicts", "agreement", folder, "a.csv")
    assert "needs FILE.csv" in refused("verdicts", "export", folder)
