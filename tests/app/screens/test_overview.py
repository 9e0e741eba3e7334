"""The page *Overview*, which is the first one, and the addresses that lead on from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.delta_generator import DeltaGenerator

import samekind as sk
from samekind.app.screens import overview
from samekind.app.state.library import Library
from samekind.app.widgets.overview import searching
from samekind.app.widgets.overview.tiles import TILES
from tests.app.conftest import OpenApp
from tests.app.pages import OVERVIEW, badges, cards, healthy, library, linked, png_of, shown


def test_the_first_page_says_what_the_corpus_is(open_app: OpenApp, artefact: Path) -> None:
    """A newcomer sees its figures and a way to every other page; the encoder is not waited for."""
    at = healthy(open_app(artefact))
    index = sk.Index.open(artefact)
    assert at.title[0].value == "Overview"
    assert f"{len(index)} images of 10 classes" in at.markdown[0].value
    assert len(at.get("page_link")) == len(TILES) + 1, "and one to more anchors"
    assert "encoder" not in vars(library(artefact).index)


def test_a_link_to_a_query_at_the_root_leads_to_the_search(open_app: OpenApp, artefact: Path) -> None:
    """*Search* was at the root up to release 0.1: query and settings of such an address are kept."""
    at = open_app(artefact)
    at.query_params["k"] = "3"
    linked(at, sk.Index.open(artefact).ids[5])
    assert at.title[0].value == "Search"
    assert len(cards(at, "neighbours")) == 3


def test_it_shows_what_the_audit_found(open_app: OpenApp, artefact: Path) -> None:
    """Ten negatives of one anchor with the false ones marked, the three steps, and a warning: this encoder had four steps."""
    at, report = healthy(open_app(artefact)), sk.Index.open(artefact).audit(k=10)
    nearest = report.by_rank[0]["false_negative_rate"]
    assert f"of the same class for **{100 * nearest:.0f} %**" in at.markdown[0].value
    (anchor,), negatives = cards(at, "overview_anchor"), cards(at, "overview_negatives")
    assert [card["id"] for card in negatives] == [pair.negative_id for pair in report.pairs.of(anchor["id"])]
    false = [card["tone"] == "false" for card in negatives]
    assert false == [pair.false for pair in report.pairs.of(anchor["id"])]
    assert 0 < sum(false) < 10
    assert any(f"**{sum(false)} of 10**" in text.value for text in at.markdown)
    assert [len(cards(at, f"step_{step}")) for step in (1, 2, 3)] == [2, 3, 3]
    assert [badges(card) for card in cards(at, "step_3")].count(["FALSE"]) == 1
    assert len(at.warning) == 1


def test_an_unlabelled_corpus_says_what_it_knows(open_app: OpenApp, unlabelled: Path) -> None:
    """No share is made up, and nothing is marked as false."""
    at = healthy(open_app(unlabelled))
    assert "no labels" in at.markdown[0].value
    assert "%" not in at.markdown[0].value
    pictures = [*cards(at, "overview_negatives"), *cards(at, "step_3")]
    assert not any(card["tone"] == "false" for card in pictures)


def test_a_click_is_heeded_while_the_encoder_is_held_against_pixels(
    open_app: OpenApp, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar is drawn all the time; where nothing comes of it, the page is there without a warning and an error."""

    class Failing:
        def wait(self, show: Callable[[float], None]) -> None:
            show(0.5)
            raise sk.ArtefactError("no pictures")

    said: list[str] = []
    monkeypatch.setattr(DeltaGenerator, "progress", lambda self, share, text: said.append(text))
    monkeypatch.setattr(Library, "beside_pixels", lambda self: Failing())
    healthy(open_app(artefact))
    assert overview.COMPARING in said


def test_one_image_has_nothing_to_compare(open_app: OpenApp, tmp_path: Path) -> None:
    """Neither steps nor anchor, and no error; tiles all the same."""
    sk.index_vectors(np.ones((1, 4), dtype=np.float32), ["only"], tmp_path / "one")
    at = healthy(open_app(tmp_path / "one"))
    assert "1 image without labels" in at.markdown[0].value
    assert overview.ONE_IMAGE in at.markdown[0].value
    assert not shown(at, "overview_negatives")
    assert len(at.get("page_link")) == len(TILES)


def test_a_picture_given_to_the_first_page_is_searched_with(open_app: OpenApp, artefact: Path) -> None:
    """One step: *Search* is shown with its neighbours, and an empty field is no query when one comes back."""
    at = healthy(open_app(artefact))
    at.file_uploader(key=searching.UPLOAD).upload("mine.png", png_of(artefact, sk.Index.open(artefact).ids[3]))
    healthy(at.run())
    assert at.title[0].value == "Search"
    assert cards(at, "query_card")[0]["lines"] == ["mine.png"]
    assert len(cards(at, "neighbours")) == 10
    assert healthy(at.switch_page(OVERVIEW).run()).title[0].value == "Overview"
    assert not any(field.key == searching.WORDS for field in at.text_input), "this encoder reads no words"
