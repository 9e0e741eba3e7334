"""The page *Overview*, which is the first one, and the addresses that lead on from it."""

from __future__ import annotations

from pathlib import Path

import samekind as sk
from tests.app.conftest import OpenApp
from tests.app.pages import cards, healthy, library, linked


def test_the_first_page_says_what_the_corpus_is(open_app: OpenApp, artefact: Path) -> None:
    """A newcomer sees its figures and a way to every other page; neither vectors nor encoder are waited for."""
    at = healthy(open_app(artefact))
    index = sk.Index.open(artefact)
    assert at.title[0].value == "Overview"
    assert f"{len(index)} images of 10 classes" in at.markdown[0].value
    assert len(at.get("page_link")) == 4
    assert not {"vector_index", "encoder"} & set(vars(library(artefact).index))


def test_a_link_to_a_query_at_the_root_leads_to_the_search(open_app: OpenApp, artefact: Path) -> None:
    """*Search* was at the root up to release 0.1: query and settings of such an address are kept."""
    at = open_app(artefact)
    at.query_params["k"] = "3"
    linked(at, sk.Index.open(artefact).ids[5])
    assert at.title[0].value == "Search"
    assert len(cards(at, "neighbours")) == 3
