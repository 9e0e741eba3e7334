"""Audit, evaluation and search of images that are of the same class if they share a label, against sets of Python."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.same_class import ANY, JOINED_BY
from samekind.data.types.splits import Split
from samekind.indexer.audit import neighbours
from samekind.indexer.evaluation.figures import evaluate_vectors
from samekind.indexer.index import Index, build_index
from tests import oracles
from tests.indexer.audits import HARD
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder

NAMES = ("cat", "dog", "cow", "hen")
RULE = "Some images have several labels: two images are of the same class if they share a label (any)."


def several_labels(count: int = 40) -> list[str | None]:
    """One to three of four labels, and some images without."""
    random = np.random.default_rng(3)
    drawn = [random.choice(4, random.integers(1, 4), replace=False) for _ in range(count)]
    return [
        None if i % 9 == 4 else JOINED_BY.join(sorted(NAMES[number] for number in each)) for i, each in enumerate(drawn)
    ]


def sets_of(labels: Sequence[str | None]) -> list[set[str] | None]:
    """The labels of each image as a set."""
    return [None if label is None else set(label.split(JOINED_BY)) for label in labels]


def index_of(folder: Path, labels: Sequence[str | None], rule: str = ANY) -> Index:
    """An index of pictures of these labels."""
    save_encoder(FakeEncoder(), folder, config=HARD)
    corpus = Corpus.from_arrays(pictures(len(labels)), labels)
    return build_index(replace(corpus, label_rule=rule), FakeEncoder(), folder)


@pytest.mark.parametrize("block", [1 << 23, 16 * 40])
def test_every_figure_of_the_audit_equals_a_count_over_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Rates by rank and label, base rates, and the share of the gradient."""
    monkeypatch.setattr(neighbours, "_BLOCK_VALUES", block)
    labels = several_labels()
    sets = sets_of(labels)
    known = [i for i, own in enumerate(sets) if own]
    same = {(a, b): bool((sets[a] or set()) & (sets[b] or set())) for a in known for b in known if a != b}
    report = index_of(tmp_path, labels).audit(k=6)
    similarity = oracles.similarities(Index.open(tmp_path).vectors())
    hardest = oracles.hardest(similarity, 6)
    assert report.pairs.negative_AK.tolist() == hardest
    assert report.base_rate == sum(same.values()) / len(same)
    for rank, row in enumerate(report.by_rank):
        met = [same[a, hardest[a][rank]] for a in known if hardest[a][rank] in known]
        assert row["false_negative_rate"] == sum(met) / len(met)
    assert set(report.by_class) == set(NAMES)
    for name, figures in report.by_class.items():
        mine = [a for a in known if name in (sets[a] or ())]
        met = [same[a, b] for a in mine for b in hardest[a] if b in known]
        assert figures["num_images"] == figures["num_anchors"] == len(mine)
        assert figures["false_negative_rate"] == sum(met) / len(met)
        pairs = [is_same for (a, _), is_same in same.items() if a in mine]
        assert figures["base_rate"] == pytest.approx(sum(pairs) / len(pairs))
    shares = []
    for a in known:
        weight = oracles.negative_shares(similarity[a], a, 0.2, 1.0)
        others = [b for b in known if b != a]
        shares.append(sum(weight[b] for b in others if same[a, b]) / sum(weight[b] for b in others))
    assert report.gradient_share is not None
    assert report.gradient_share["false_negatives"] == pytest.approx(np.mean(shares), rel=1e-5)
    json.dumps(report.to_dict(), allow_nan=False)


def test_what_goes_by_one_class_an_image_says_so_in_a_line(tmp_path: Path) -> None:
    """Class × class is left out of audit and report; label levels and label issues are refused."""
    index = index_of(tmp_path, several_labels())
    report = index.audit(k=3)
    assert [str(note) for note in report.notes].count(RULE) == 1
    assert "Class × class is left out: an image of several labels would be in several rows." in report.notes
    assert report.class_pairs["classes"] == []
    report.to_html(tmp_path / "report.html", index)
    assert RULE in (tmp_path / "report.html").read_text()
    with pytest.raises(InputError, match="share a label"):
        index.audit(k=3, label_level="fine")
    with pytest.raises(InputError, match="share one are of the same class"):
        index.label_issues()


def test_a_split_without_labels_has_no_rates(tmp_path: Path) -> None:
    """Its images' classes are unknown, which is no error; the labels of other splits do not matter."""
    labels = [*several_labels(30), *[None] * 10]
    splits: list[Split] = ["train" if row < 30 else "test" for row in range(40)]
    corpus = Corpus.from_arrays(pictures(40), labels, splits)
    save_encoder(FakeEncoder(), tmp_path, config=HARD)
    index = build_index(replace(corpus, label_rule=ANY), FakeEncoder(), tmp_path)
    report = index.audit(k=3, split="test")
    assert (report.num_rows, report.base_rate, report.false_negative_rate) == (10, None, None)
    assert report.by_class == {}


def test_one_label_an_image_gives_the_same_figures_by_either_rule(tmp_path: Path) -> None:
    """`any` and equality are the same then: bit for bit but for the order of the sum of the gradient."""
    labels = [None if i % 7 == 0 else NAMES[i * i % 4] for i in range(40)]
    one = index_of(tmp_path / "any", labels).audit(k=5).to_dict()
    other = index_of(tmp_path / "none", labels, "").audit(k=5).to_dict()
    for mine, same in zip(one["by_rank"], other["by_rank"], strict=True):
        assert mine == {**same, "gradient_share": pytest.approx(same["gradient_share"])}
    assert one["base_rate"] == other["base_rate"]
    for name, figures in one["by_class"].items():
        assert figures == pytest.approx(other["by_class"][name])


def test_search_tells_the_same_class_by_the_index_rule(tmp_path: Path) -> None:
    """Of hits and rows by their labels."""
    index = index_of(tmp_path, several_labels())
    assert index.same_class("cat", "cat + dog") is True
    assert index.same_class("cat", "dog") is False
    assert index.same_class("cat", None) is None
    assert index_of(tmp_path / "exact", several_labels(), "exact").same_class("cat", "cat + dog") is False


def test_evaluation_goes_by_shared_labels() -> None:
    """k-NN votes by label, hit rate and MAP@R against loops over sets; no linear probe."""
    labels = several_labels(90)
    random = np.random.default_rng(0)
    points = np.array([[name in (own or ()) for name in NAMES] for own in sets_of(labels)]) + random.normal(
        size=(90, 4)
    )
    vectors = np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)
    splits = ["test" if i % 3 == 0 else "train" for i in range(90)]
    sets = sets_of(labels)
    bank = [i for i in range(90) if splits[i] == "train" and sets[i]]
    right, hits, precisions = [], [], []
    for query in (i for i in range(90) if splits[i] == "test" and sets[i]):
        own = sets[query] or set()
        rows, _ = oracles.nearest(vectors[bank], vectors[query], len(bank))
        ranked = [sets[bank[row]] or set() for row in rows]
        votes = dict.fromkeys(sorted(NAMES), 0.0)
        for row, theirs in zip(rows[:20], ranked, strict=False):
            for label in theirs:
                votes[label] += np.exp((float(vectors[bank[row]] @ vectors[query]) - 1) / 0.1)
        right.append(max(votes, key=votes.__getitem__) in own)
        hits.append(bool(ranked[0] & own))
        same = [bool(theirs & own) for theirs in ranked]
        precisions.append(oracles.average_precision_at_r(same, sum(same)))
    found = evaluate_vectors(vectors, splits, labels, rule=ANY)
    assert found.knn_accuracy == pytest.approx(np.mean(right))
    assert found.hit_rate_at_1 == pytest.approx(np.mean(hits))
    assert found.map_at_r == pytest.approx(np.mean(precisions))
    assert found.linear_accuracy is None
    assert any("no linear probe" in note for note in found.notes)
    exact = evaluate_vectors(vectors, splits, labels, rule="exact")
    assert found.knn_accuracy != exact.knn_accuracy
