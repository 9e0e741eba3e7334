"""The share of false ones among the hardest negatives by answers: a plain sample, with an interval that holds."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from samekind.data.corpus import Corpus
from samekind.indexer.audit.report import FalseNegativeReport
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.estimates.hard_negatives import DrawnPair, HardNegativeSample
from samekind.indexer.labeling.verdicts import Verdict
from samekind.training.false_negatives.links import Pair
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, FalseNegativeReport, dict[str, int]]:
    """60 pictures of three kinds, half of them noised beyond recognition, without labels; the truth is by content hash."""
    folder = tmp_path_factory.mktemp("estimate") / "kinds"
    pixels = kinds()
    random = np.random.default_rng(1)
    pixels[::2] = random.integers(0, 256, pixels[::2].shape)
    pixels[50] = pixels[2]
    save_encoder(FakeEncoder(), folder)
    index = build_index(Corpus.from_arrays(list(pixels), name="kinds"), FakeEncoder(), folder)
    truth = {sha256: row % 3 for row, sha256 in enumerate(index.rows.column("sha256"))}
    return index, index.audit(k=12), truth


def answered(drawn: list[DrawnPair], truth: dict[str, int]) -> dict[Pair, Verdict]:
    """True answers to pairs of two contents."""
    return {
        each.pair: Verdict(*each.pair, "same" if truth[each.pair[0]] == truth[each.pair[1]] else "different")
        for each in drawn
        if each.pair[0] != each.pair[1]
    }


def test_the_sample_is_of_the_ten_hardest_each_pair_once(
    audited: tuple[Index, FalseNegativeReport, dict[str, int]],
) -> None:
    """All ordered pairs of an anchor and one of its ten nearest, in an order that is the same each time and at another depth."""
    index, report, _ = audited
    sample = [(each.anchor_id, each.negative_id) for each in HardNegativeSample(index, report)]
    expected = {(pair.anchor_id, pair.negative_id) for pair in report.pairs if pair.rank <= 10}
    assert len(sample) == 600
    assert set(sample) == expected
    assert sample != sorted(sample)
    deeper = HardNegativeSample(index, index.audit(k=20))
    assert [(each.anchor_id, each.negative_id) for each in deeper] == sample


def test_thirty_answers_tell_the_share(audited: tuple[Index, FalseNegativeReport, dict[str, int]]) -> None:
    """Over 300 samples the mean is the true share, and 19 of 20 intervals hold it."""
    index, report, truth = audited
    hashes = index.rows.column("sha256")
    kind_N = np.array([truth[each] for each in hashes])
    nearest = report.pairs.negative_AK[:, :10]
    true = float((kind_N[nearest] == kind_N[report.pairs.anchor_A][:, None]).mean())
    assert 0.3 < true < 0.8
    found = []
    for seed in range(300):
        sample = HardNegativeSample(index, report, seed)
        found.append(sample.rate(answered(list(islice(sample, 30)), truth)))
    assert np.mean([one.share for one in found]) == pytest.approx(true, abs=0.02)
    assert np.mean([(one.low or 0) <= true <= (one.high or 0) for one in found]) > 0.92


def test_only_the_answers_up_to_the_first_open_pair_count(
    audited: tuple[Index, FalseNegativeReport, dict[str, int]],
) -> None:
    """Others were not drawn; unsure ones are counted apart, and fewer than ten answers tell nothing."""
    index, report, truth = audited
    sample = HardNegativeSample(index, report)
    first = [each for each in islice(sample, 40) if each.pair[0] != each.pair[1]]
    unsure = {each.pair: Verdict(*each.pair, "unsure") for each in first}
    found = sample.rate(unsure)
    assert (found.share, found.num_answers) == (None, found.num_same), "copies alone"
    assert found.num_unsure >= len(first)
    del unsure[first[4].pair]
    assert sample.rate(unsure).num_unsure < 10
    assert next(sample.open(unsure)) == first[4]
    told = sample.rate({**unsure, **answered(first[:4], truth)})
    assert (told.share, told.num_answers) == (None, 4)


def test_copies_are_the_same_without_a_question(
    audited: tuple[Index, FalseNegativeReport, dict[str, int]],
) -> None:
    """A pair of equal content is never asked about."""
    index, report, _ = audited
    sample = HardNegativeSample(index, report)
    assert any(len(set(each.pair)) == 1 for each in sample)
    assert all(len(set(each.pair)) == 2 for each in sample.open({}))


def test_a_corpus_of_one_image_has_no_pairs(tmp_path: Path) -> None:
    """No negatives, no sample, no estimate."""
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(Corpus.from_arrays(list(kinds(1)), name="one"), FakeEncoder(), tmp_path)
    sample = HardNegativeSample(index, index.audit())
    assert len(sample) == 0
    assert sample.rate({}).share is None


def test_what_says_nothing_about_the_pair_is_left_out_by_its_reason(
    audited: tuple[Index, FalseNegativeReport, dict[str, int]],
) -> None:
    """A wrong label and a contradiction are not what nobody could tell, and the share is that of the other answers."""
    index, report, truth = audited
    sample = HardNegativeSample(index, report)
    first = [each for each in islice(sample, 60) if each.pair[0] != each.pair[1]]
    told = answered(first, truth)
    whole = sample.rate(told)
    (one, two) = [pair for pair in told if told[pair].verdict == "different"][:2]
    between = "f" * 64  # of no image here: it joins the second pair, which is called different
    joined = {(image, between): Verdict(image, between, "same") for image in two}
    found = sample.rate({**told, one: Verdict(*one, "wrong_label"), **joined})
    assert found.num_unsure == whole.num_unsure == 0
    assert found.num_wrong_label == sum(each.pair == one for each in first)
    assert found.num_contradicted >= 1
    assert found.num_answers + found.num_wrong_label + found.num_contradicted == whole.num_answers
    assert found.share == found.num_same / found.num_answers
