"""How similar neighbours must be, and their order."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

import samekind as sk
from samekind.app.state.query import Mixture, Query
from samekind.app.state.search import mixing
from samekind.app.view_models.search import narrowing
from tests.app.conftest import OpenApp
from tests.app.pages import brute_force, cards, healthy, library, linked


def test_the_cut_off_leaves_out_what_is_less_similar(open_search: OpenApp, artefact: Path) -> None:
    """A slider at the fourth leaves those before it, and a sentence says so."""
    id_ = sk.Index.open(artefact).ids[7]
    at = linked(open_search(artefact), id_)
    ids, similarity = brute_force(artefact, id_)
    least = float(np.floor(100 * similarity[3]) / 100)
    above = [i for i, value in enumerate(similarity[:10]) if value >= least]
    assert 0 < len(above) < 10
    at.slider(key="at_least").set_value(least)
    found = cards(healthy(at.run()), "neighbours")
    assert [card["id"] for card in found] == [ids[i] for i in above]
    assert any(f"{len(above)} of 10 have a similarity of at least {least:.2f}." in text.value for text in at.markdown)


def test_neighbours_are_sorted(open_search: OpenApp, artefact: Path) -> None:
    """By class and by id; the rank by similarity stays on the card."""
    at = linked(open_search(artefact), sk.Index.open(artefact).ids[7])
    by_similarity = cards(at, "neighbours")
    at.segmented_control(key="sort").set_value("By id")
    by_id = cards(healthy(at.run()), "neighbours")
    assert [card["id"] for card in by_id] == sorted(card["id"] for card in by_similarity)
    assert {card["heading"] for card in by_id} == {card["heading"] for card in by_similarity}
    at.segmented_control(key="sort").set_value("By class")
    by_class = [card["heading"].split(". ")[1] for card in cards(healthy(at.run()), "neighbours")]
    assert by_class == sorted(by_class)


def test_there_is_no_order_by_class_without_labels(open_search: OpenApp, unlabelled: Path) -> None:
    """What there is not is not offered."""
    at = linked(open_search(unlabelled), sk.Index.open(unlabelled).ids[7])
    assert at.segmented_control(key="sort").options == ["By similarity", "By id"]


def test_hits_without_a_class_come_last() -> None:
    """Within a class the nearest comes first."""
    hits = [
        sk.Hit(rank, str(rank), 1 - rank / 10, label, "") for rank, label in enumerate([None, "b", "a", "b"], start=1)
    ]
    assert [hit.rank for hit in narrowing.sorted_by(hits, narrowing.CLASS)] == [3, 2, 4, 1]


def test_a_negative_similarity_is_shown_without_a_cut_off() -> None:
    """0 stands for all, and a hit exactly at the cut-off passes."""
    hits = [sk.Hit(1, "1", 0.5, None, ""), sk.Hit(2, "2", -0.1, None, "")]
    assert narrowing.at_least(hits, 0) == hits
    assert narrowing.at_least(hits, 0.5) == hits[:1]


def test_a_similarity_is_placed_among_the_corpus_own() -> None:
    """The share of images whose nearest other one is at least that near; a corpus of one image has none."""
    usual = np.linspace(0.5, 0.9, 101)
    sentence = narrowing.share_sentence(0.8, usual)
    assert sentence.startswith("26 % of the corpus")
    assert "0.70 at the median" in sentence
    assert "no two images" in narrowing.share_sentence(0.8, np.empty(0))


def test_variety_shows_images_that_differ(open_search: OpenApp, artefact: Path) -> None:
    """The hits of `Index.search` with that diversity, the most similar first, and the query is none of them; an address holds it."""
    index = sk.Index.open(artefact)
    id_ = index.ids[7]
    at = open_search(artefact)
    at.query_params["diversity"] = "0.5"
    at = linked(at, id_)
    expected = index.search_id(id_, 10, exclude_self=True, diversity=0.5)
    assert at.slider(key="diversity").value == 0.5
    found = [card["id"] for card in cards(at, "neighbours")]
    assert found == [hit.id for hit in sorted(expected, key=lambda hit: -hit.similarity)]
    plain = [card["id"] for card in cards(healthy(at.slider(key="diversity").set_value(0.0).run()), "neighbours")]
    assert plain == brute_force(artefact, id_)[0][:10] != found


def test_a_mixture_has_variety_without_its_own_images(artefact: Path) -> None:
    """They are not what the others differ from, and as many as were asked for are there."""
    index = sk.Index.open(artefact)
    ids = index.ids
    mixture = Mixture((Query(ids[7], ids[7]), Query(ids[9], ids[9])))
    hits = mixing.neighbours(library(artefact), mixture, mixing.Settings(10, diversity=0.5))
    expected = index.search(sk.Mix(ids[7], ids[9]), 10, exclude_self=True, diversity=0.5)
    assert {hit.id for hit in hits} == {hit.id for hit in expected}
    assert len(hits) == 10
    assert not {ids[7], ids[9]} & {hit.id for hit in hits}
    assert [hit.rank for hit in hits] == list(range(1, 11))
    assert all(one.similarity >= other.similarity for one, other in itertools.pairwise(hits))
