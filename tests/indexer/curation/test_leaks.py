"""Leaks between splits, on pictures that were put into two of them."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.splits import Split
from samekind.indexer.curation import leaks as module
from samekind.indexer.curation import near_duplicates as near
from samekind.indexer.curation.leaks import leak_note, leaked
from samekind.indexer.curation.near_duplicates import CANDIDATES
from samekind.indexer.evaluation.evaluate import evaluate_artefact
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder

TRAIN: Split = "train"
VALIDATION: Split = "validation"
TEST: Split = "test"
SPLITS = [TRAIN] * 30 + [VALIDATION] * 10 + [TEST] * 20
CORPUS = {"corpus": "leaking"}


def build(folder: Path, *, clean: bool = False, splits: list[Split] | None = None) -> Index:
    """60 noise pictures. Of the training images 3 is also 33 (validation) and 43 (test), and 5 a darker 45 (test).

    8 is a copy of 7, and 48 of 47: within a split, so no leaks.
    """
    pixels = pictures(60)
    pixels[8], pixels[48] = pixels[7], pixels[47]
    if not clean:
        pixels[33] = pixels[43] = pixels[3]
        pixels[45] = (pixels[5] * 0.9).astype(np.uint8)
    labels = [("Bag", "Coat")[i % 2] for i in range(60)]
    save_encoder(FakeEncoder(), folder)
    corpus = Corpus.from_arrays(list(pixels), labels, splits or SPLITS, name="leaking", source=CORPUS)
    return build_index(corpus, FakeEncoder(), folder)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Not to be changed."""
    return build(tmp_path_factory.mktemp("leaks") / "index")


def test_the_list_holds_what_two_splits_share(index: Index) -> None:
    """Exact pairs in table order, then near ones; each of a training image and one of another split, which are named."""
    found, ids = index.leaks(), index.ids
    assert [(pair.a, pair.b, pair.kind) for pair in found.pairs] == [
        (ids[3], ids[33], "exact"),
        (ids[3], ids[43], "exact"),
        (ids[5], ids[45], "near"),
    ]
    assert [(pair.a_split, pair.b_split) for pair in found.pairs] == [
        ("train", "validation"),
        ("train", "test"),
        ("train", "test"),
    ]
    vectors = index.vectors().astype(np.float64)
    assert found.pairs[2].similarity == pytest.approx(vectors[5] @ vectors[45], abs=1e-5)
    assert any("look before you believe" in note for note in found.notes)
    capped = index.leaks(count=2)
    assert (capped.pairs, capped.num_pairs) == (found.pairs[:2], 3)
    lines = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [line["b_split"] for line in lines] == ["validation", "test", "test"]
    with pytest.raises(InputError, match="count must be"):
        index.leaks(count=0)


def test_a_series_in_each_split_hides_no_leak(tmp_path: Path) -> None:
    """Where an image's nearest ones are all of its own split, on both sides, the pairs across are found all the same."""
    pixels, span = pictures(60), range(CANDIDATES + 2)
    scene = pixels[40].astype(float) / 2
    for step in span:
        pixels[2 + step], pixels[40 + step] = scene + step, scene * 1.3 + 20 + step
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(Corpus.from_arrays(list(pixels), None, SPLITS, name="series"), FakeEncoder(), tmp_path)
    across = [(pair.a_split, pair.b_split) for pair in index.duplicates().pairs if pair.a_split != pair.b_split]
    assert across == []
    found = index.leaks()
    assert {pair.b for pair in found.pairs} == {index.ids[40 + step] for step in span}
    assert found.num_pairs == len(span) * CANDIDATES


def test_which_test_images_have_a_copy(index: Index) -> None:
    """Exact or near, and only from images that are asked for."""
    rows = np.arange(60)
    assert rows[40:][leaked(index, rows[40:], rows[:30])].tolist() == [43, 45]
    assert rows[40:][leaked(index, rows[40:], rows[4:30])].tolist() == [45]
    assert not leaked(index, rows[40:], rows[:0]).any()
    assert leaked(index, rows[:0], rows[:30]).tolist() == []


def test_audit_and_evaluation_say_so(index: Index, tmp_path: Path) -> None:
    """One line with both numbers; none where nothing has leaked, and none of a split that is not test."""
    line = "At least 2 of 20 test images have a copy or near copy among the 30 training images"
    for notes in (index.audit(k=3).notes, evaluate_artefact(index.path).notes):
        assert sum(line in note for note in notes) == 1
    clean = build(tmp_path / "clean", clean=True)
    for notes in (clean.audit(k=3).notes, evaluate_artefact(clean.path).notes):
        assert not any("leak" in note for note in notes)
    untested = build(tmp_path / "untested", splits=[TRAIN] * 30 + [VALIDATION] * 30)
    assert leak_note(untested) is None
    assert "At least 1 of 20 test images has a copy or near copy among the 26" in str(
        leak_note(index, np.arange(4, 60))
    )


def test_of_many_test_images_a_sample_is_looked_at(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the line says of how many."""
    monkeypatch.setattr(module, "MOST_QUERIES", 19)
    assert "of 19 test images (seeded choice of 20) have" in str(leak_note(index))


def test_a_near_copy_that_is_not_sure_is_listed_but_not_counted(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between both thresholds, of the pixels and of the cosine."""
    for name in ("SURE_SCORE", "SURE_SIMILARITY"):
        with monkeypatch.context() as patch:
            patch.setattr(near, name, 1.01)
            assert "At least 1 of 20 test images has" in str(leak_note(index))
            assert index.leaks().num_pairs == 3
    monkeypatch.setattr(near, "SAME_PICTURE", 1.01)
    assert [pair.kind for pair in index.leaks().pairs] == ["exact", "exact"]


def test_answers_stand_beside_the_leaks(tmp_path: Path) -> None:
    """`different` dismisses a pair, as in the list of duplicates."""
    index = build(tmp_path)
    sha = index.rows.column("sha256")
    VerdictTable(index.path).add([Verdict(sha[45], sha[5], "different")])
    assert [pair.confirmed for pair in index.leaks().pairs] == [None, None, False]
