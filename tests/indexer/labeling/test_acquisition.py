"""Which pairs are asked about, held to a slow loop over sets; what is asked is never asked again, and labels decide nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.types.splits import Split
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.acquisition import CandidatePool, acquire_pairs
from samekind.indexer.labeling.candidate_pairs import CandidatePair
from samekind.indexer.labeling.constraint_closure import ConstraintClosure, must_link_path
from samekind.indexer.labeling.pair_model import ENOUGH_ANSWERS
from samekind.indexer.labeling.pair_order import MOST_PER_IMAGE
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.indexer.search.opened import OpenedIndex
from samekind.training.false_negatives.links import Pair
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder
from tests.indexer.labeling.test_verdicts import sha

K, TEMPERATURE, ROWS = 10, 0.2, 50
CLASSES = ("Bag", "Coat", "Shirt")


def build(folder: Path, labels: list[str | None] | None, **config: object) -> Index:
    """49 noise pictures and an exact copy of one; training is said to have used InfoNCE unless told otherwise."""
    pixels = [*pictures(ROWS - 1), pictures(ROWS - 1)[3]]
    corpus = Corpus.from_arrays(pixels, labels, ["train"] * ROWS, name="noise", source={"corpus": "noise"})
    save_encoder(FakeEncoder(), folder, config=config or {"objective": "info_nce", "temperature": TEMPERATURE})
    return build_index(corpus, FakeEncoder(), folder)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A labelled index whose training is known; not to be changed."""
    return build(tmp_path_factory.mktemp("asked"), [*(CLASSES[i % 3] for i in range(ROWS - 1)), CLASSES[3 % 3]])


@pytest.fixture(scope="module")
def pool(asked: Index) -> CandidatePool:
    """Its candidates."""
    return CandidatePool(asked)


def brute_force(index: OpenedIndex) -> list[tuple[str, str, float, float, float, float]]:
    """All candidates by falling worth: ids, cosine, overlap, share, probability; one loop, one set a step."""
    vectors, hashes = index.vectors().astype(np.float64), index.rows.column("sha256")
    cosine = (vectors @ vectors.T).round(12)  # copies are equally near to everything
    others = [[j for j in range(ROWS) if j != i] for i in range(ROWS)]
    near = [sorted(others[i], key=lambda j, i=i: (-cosine[i, j], j))[:K] for i in range(ROWS)]  # type: ignore[misc]
    mutual = [{i, *(j for j in near[i] if i in near[j])} for i in range(ROWS)]
    best: dict[frozenset[str], tuple[int, int, float]] = {}
    for i in range(ROWS):
        whole = sum(math.exp(cosine[i, j] / TEMPERATURE) for j in others[i])
        for j in near[i]:
            share, pair = math.exp(cosine[i, j] / TEMPERATURE) / whole, frozenset((hashes[i], hashes[j]))
            if len(pair) == 2 and (pair not in best or share > best[pair][2] + 1e-12):
                best[pair] = (i, j, share)
    found = list(best.values())
    features = np.array([(cosine[i, j], len(mutual[i] & mutual[j]) / len(mutual[i] | mutual[j])) for i, j, _ in found])
    scaled = (features - features.mean(0)) / features.std(0)
    listed = [
        (index.ids[i], index.ids[j], float(f[0]), float(f[1]), share, 1 / (1 + math.exp(-z.sum())))
        for (i, j, share), f, z in zip(found, features, scaled, strict=True)
    ]
    return sorted(listed, key=lambda row: -row[4] * row[5] * (1 - row[5]))


def verdict(question: CandidatePair, answer: str) -> Verdict:
    """An answer to a question."""
    return Verdict(question.anchor_sha256, question.negative_sha256, answer)


def by_label(asked: list[CandidatePair]) -> dict[Pair, Verdict]:
    """Answers as labels give them."""
    return {q.pair: verdict(q, "same" if q.anchor_label == q.negative_label else "different") for q in asked}


def contents(found: Iterable[CandidatePair]) -> list[tuple[str, str]]:
    """Anchor and negative by content: which of two copies is asked about does not matter."""
    return [(q.anchor_sha256, q.negative_sha256) for q in found]


def test_the_questions_are_those_of_a_slow_loop(asked: Index, pool: CandidatePool) -> None:
    """Pairs, order and figures; an exact copy is no question, and no image takes part more than three times."""
    of_id = dict(zip(asked.ids, asked.rows.column("sha256"), strict=True))
    expected, met = [], dict.fromkeys(of_id.values(), 0)
    everything = [(of_id[a], of_id[b], *figures) for a, b, *figures in brute_force(asked)]
    for row in everything:
        if max(met[sha256] for sha256 in row[:2]) < MOST_PER_IMAGE:
            expected.append(row)
            for sha256 in row[:2]:
                met[sha256] += 1
    found = pool.acquire({}, 1000)
    assert contents(found) == [row[:2] for row in expected]
    figures = [(q.similarity, q.overlap, q.gradient_share, q.probability) for q in found]
    np.testing.assert_allclose(np.array(figures, dtype=float), [row[2:] for row in expected], rtol=1e-4, atol=1e-6)
    assert found.num_left == len(everything) == len(pool)
    assert (found.num_answers, found.notes) == (0, [])
    labels = dict(zip(asked.ids, asked.labels or [], strict=True))
    assert all((q.anchor_label, q.negative_label) == (labels[q.anchor_id], labels[q.negative_id]) for q in found)
    assert list(pool.acquire({}, 7)) == list(found[:7])
    with pytest.warns(DeprecationWarning, match="CandidatePool.acquire"):
        assert list(pool.questions({}, 7)) == list(found[:7])


def test_labels_decide_nothing(pool: CandidatePool, tmp_path: Path) -> None:
    """Without labels the very same questions come in the same order with the same probabilities."""
    labelled, unlabelled = pool.acquire({}, 1000), acquire_pairs(build(tmp_path / "unlabelled", None), 1000)
    assert contents(unlabelled) == contents(labelled)
    assert [q.probability for q in unlabelled] == pytest.approx([q.probability for q in labelled], abs=1e-9)
    assert all(q.anchor_label is None for q in unlabelled)


def test_no_pair_is_asked_twice_and_all_come_to_an_end(pool: CandidatePool) -> None:
    """Round after round, each pair once and none that follows from the answers; at the end every candidate is answered."""
    current: dict[Pair, Verdict] = {}
    left = len(pool)
    while batch := list(pool.acquire(current, 40)):
        answered = ConstraintClosure(current)
        assert len({q.pair for q in batch}) == len(batch)
        assert not any(q.pair in answered for q in batch)
        current |= by_label(batch)
        assert pool.acquire(current, 1).num_left <= left - len(batch)
        left = pool.acquire(current, 1).num_left
    assert left == 0
    assert len(current) < len(pool), "some answers follow from others"
    answered = ConstraintClosure(current)
    assert all(q.pair in answered for q in pool.acquire({}, 1000))


def test_unsure_and_wrong_label_are_answers_and_withdrawn_is_none(asked: Index, pool: CandidatePool) -> None:
    """The function reads the artefact's table: what was answered there in any way is passed over until it is taken back."""
    first, second, third, *_ = pool.acquire({}, 10)
    table = VerdictTable(asked.path)
    table.add([verdict(first, "unsure"), verdict(second, "wrong_label"), verdict(third, "different")])
    left = acquire_pairs(asked, 10)
    assert not {first.pair, second.pair, third.pair} & {q.pair for q in left}
    table.add([verdict(q, "withdrawn") for q in (first, second, third)])
    assert list(acquire_pairs(asked, 10))[:3] == [first, second, third]


def test_enough_answers_calibrate_the_probability(pool: CandidatePool) -> None:
    """From 20 answers of both kinds on it is their logistic regression; what is unsure or contradicts itself is not learned from."""
    everything = list(pool.acquire({}, 1000))
    given = everything[:ENOUGH_ANSWERS]
    answers = by_label(given)
    pair_of_copies = next(pair for pair, v in answers.items() if v.verdict == "same")
    answers[pair_of_copies] = replace(answers[pair_of_copies], verdict="duplicate")
    few = dict(itertools.islice(answers.items(), ENOUGH_ANSWERS - 1))
    assert pool.acquire(few, 5).num_answers == 0
    assert pool.acquire({pair: replace(v, verdict="same") for pair, v in answers.items()}, 5).num_answers == 0
    unsure = everything[ENOUGH_ANSWERS]
    found = pool.acquire({**answers, unsure.pair: verdict(unsure, "unsure")}, 1000)
    assert found.num_answers == ENOUGH_ANSWERS
    features = np.array([(row[2], row[3]) for row in brute_force(pool._index)])
    mean, deviation = features.mean(0), features.std(0)
    model = LogisticRegression().fit(
        (np.array([(q.similarity, q.overlap) for q in given], dtype=float) - mean) / deviation,
        [q.anchor_label == q.negative_label for q in given],
    )
    scaled = (np.array([(q.similarity, q.overlap) for q in found], dtype=float) - mean) / deviation
    np.testing.assert_allclose([q.probability for q in found], model.predict_proba(scaled)[:, 1], atol=1e-4)


def test_before_answers_a_mixed_list_takes_turns(pool: CandidatePool) -> None:
    """The most informative pairs, and those of the tenth that is least alike; when one side ends, the other goes on."""
    everything = pool.acquire({}, 1000, order="random")
    limit = np.quantile([q.probability for q in everything], 0.1)
    found = pool.acquire({}, 12, order="mixed")
    assert found[0] == pool.acquire({}, 1)[0]
    assert [q.probability > limit + 0.03 for q in found] == [True, False] * 6
    assert len(pool.acquire({}, 1000, order="mixed")) > 60


def test_a_contradiction_teaches_nothing(pool: CandidatePool) -> None:
    """A pair called different though two others join it leaves all three out of the regression, and out of what follows."""
    chain = [Verdict(a, b, "same") for a, b in itertools.pairwise(pool._contents.sha256_C[:3])]
    torn = Verdict(pool._contents.sha256_C[0], pool._contents.sha256_C[2], "different")
    current = {v.pair: v for v in (*chain, torn)}
    assert [len(part) for part in pool._answers(current)] == [0, 0]
    assert [len(part) for part in pool._answers({v.pair: v for v in chain})] == [2, 2]
    assert sorted(must_link_path(current.values(), torn.pair)) == sorted(v.pair for v in chain)


def test_pairs_of_two_classes(asked: Index, pool: CandidatePool) -> None:
    """The filter shows the pairs of two classes in either order, and only changes what is shown."""
    for classes in (("Coat", "Bag"), ("Bag", "Coat"), ("Shirt", "Shirt")):
        found = pool.acquire({}, 1000, classes=classes)
        assert len(found) > 5
        assert all(sorted((q.anchor_label or "", q.negative_label or "")) == sorted(classes) for q in found)
    every = [pool.acquire({}, 1, classes=pair).num_left for pair in itertools.combinations_with_replacement(CLASSES, 2)]
    assert sum(every) == len(pool)
    with pytest.raises(InputError, match="no class 'Hat'"):
        pool.acquire({}, classes=("Bag", "Hat"))


def test_random_questions_are_a_seeded_draw_from_the_candidates(asked: Index, pool: CandidatePool) -> None:
    """The same seed draws the same; over seeds the first question is anywhere in the order of worth."""
    of_id = dict(zip(asked.ids, asked.rows.column("sha256"), strict=True))
    place = {tuple(sorted((of_id[row[0]], of_id[row[1]]))): i for i, row in enumerate(brute_force(asked))}
    draws = [pool.acquire({}, 1, order="random", seed=seed)[0].pair for seed in range(150)]
    assert draws[3] == pool.acquire({}, 1, order="random", seed=3)[0].pair
    assert len(set(draws)) > 75
    assert 0.4 < np.mean([place[pair] / len(place) for pair in draws]) < 0.6


def test_verdicts_about_images_that_are_gone_are_counted(pool: CandidatePool) -> None:
    """They change no question; a note says how many there are."""
    gone = Verdict(sha(1), sha(2), "same")
    half = Verdict(sha(1), pool._contents.sha256_C[0], "different")
    found = pool.acquire({v.pair: v for v in (gone, half)}, 20)
    assert list(found) == list(pool.acquire({}, 20))
    assert found.notes == ["2 of 2 verdicts are about images that this index does not hold."]
    assert pool.about(gone.pair) is None


def test_only_images_that_a_training_sees_are_asked_about(tmp_path: Path) -> None:
    """A pair with a test image would be answered for nothing; where no split is called train, all are asked about."""
    mixed: list[Split] = ["train", "test"] * (ROWS // 2)
    alone: list[Split] = ["test"] * ROWS
    for name, splits in (("mixed", mixed), ("none", alone)):
        save_encoder(FakeEncoder(), tmp_path / name)
        index = build_index(Corpus.from_arrays(pictures(ROWS), None, splits), FakeEncoder(), tmp_path / name)
        found = CandidatePool(index).acquire({}, 200)
        asked_about = {index.row(id_)["split"] for q in found for id_ in (q.anchor_id, q.negative_id)}
        assert asked_about == ({"train"} if name == "mixed" else {"test"})


def test_a_sample_of_anchors_has_no_overlap(asked: Index) -> None:
    """Where not every row's neighbours are known the probability follows the cosine alone, and a note says so."""
    found = CandidatePool(asked, asked.audit(k=5, anchors=20)).acquire({}, 1000)
    assert all(q.overlap is None for q in found)
    by_cosine = sorted(found, key=lambda q: q.similarity)
    assert by_cosine == sorted(found, key=lambda q: q.probability)
    assert any("Only a sample" in note for note in found.notes)


def test_an_unknown_objective_leaves_uncertainty(tmp_path: Path) -> None:
    """Without shares of the gradient the pairs nearest to even odds come first, and a note says so."""
    found = acquire_pairs(build(tmp_path / "other", None, objective="cpc", temperature=0.1), 20)
    doubt = [abs(q.probability - 0.5) for q in found]
    assert np.diff(doubt).min() > -1e-6
    assert all(q.gradient_share is None for q in found)
    assert any("uncertainty alone" in note for note in found.notes)


def test_any_pair_can_be_asked_about(pool: CandidatePool) -> None:
    """A pair that is called back has its own ids and figures, also the other way round and when it is no candidate."""
    first = pool.acquire({}, 1)[0]
    back = pool.about((first.anchor_sha256, first.negative_sha256))
    assert back is not None
    assert contents([back]) == contents([first])
    assert back.similarity == pytest.approx(first.similarity, abs=1e-6)
    assert back.overlap == pytest.approx(first.overlap)
    turned = pool.about((first.negative_sha256, first.anchor_sha256))
    assert turned is not None
    assert (turned.anchor_id, turned.negative_id, turned.pair) == (back.negative_id, back.anchor_id, back.pair)


def test_one_image_leaves_nothing_to_ask(tmp_path: Path) -> None:
    """An index of one image has no pair."""
    save_encoder(FakeEncoder(), tmp_path / "one")
    index = build_index(Corpus.from_arrays(pictures(1), None, ["train"], name="one"), FakeEncoder(), tmp_path / "one")
    found = acquire_pairs(index)
    assert (len(found), found.num_left) == (0, 0)


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "9"])
def test_an_unusable_count_is_refused(pool: CandidatePool, count: int) -> None:
    """The message names it."""
    with pytest.raises(InputError, match=f"count must be a whole number from 1 on, got {count!r}"):
        pool.acquire({}, count)


def test_an_unknown_order_is_refused(pool: CandidatePool) -> None:
    """The message names it."""
    with pytest.raises(InputError, match="unknown order 'best'"):
        pool.acquire({}, 5, order="best")  # type: ignore[arg-type]
