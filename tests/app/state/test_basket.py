"""The basket: what is put aside on one page is there on all, and can be taken along."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.state import basket
from samekind.app.widgets.sidebar.basket import ABOUT, SHOWN
from tests.app.conftest import OpenApp
from tests.app.pages import FALSE_NEGATIVES, SEARCH, cards, healthy, linked, shown


def opened(at: AppTest) -> AppTest:
    """The page with its basket open."""
    at.session_state["basket_open"] = True
    return healthy(at.run())


def held(at: AppTest) -> list[str]:
    """What the basket holds."""
    return list(at.session_state["basket"])


def test_neighbours_and_query_are_put_aside_and_marked(open_search: OpenApp, artefact: Path) -> None:
    """Once each, in order; cards say so; another page shows them; one is taken out, then all."""
    id_ = sk.Index.open(artefact).ids[5]
    at = linked(open_search(artefact), id_)
    near = [card["id"] for card in cards(at, "neighbours")]
    assert {card["in_basket"] for card in cards(at, "neighbours")} == {False}
    assert {card["in_basket"] for card in cards(at, "picker")} == {None}
    at.button(key="add_query").click().run()
    at.button(key="add_shown").click().run()
    at.button(key="add_query").click().run()
    assert held(healthy(at)) == [id_, *near]
    assert {card["in_basket"] for card in cards(at, "neighbours")} == {True}
    at = healthy(at.switch_page(FALSE_NEGATIVES).run())
    assert at.get_by_key("basket_open").proto.popover.label == "Basket (11)"
    at = opened(at.switch_page(SEARCH).run())
    assert [card["id"] for card in cards(at, "basket_cards")] == [id_, *near]
    assert len(at.get("download_button")) == 3
    at.button(key="basket_clear").click().run()
    assert held(healthy(at)) == []
    assert not shown(at, "basket_cards")


def test_ten_thousand_do_not_break_it_and_more_are_not_added(
    open_app: OpenApp, artefact: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few pictures are shown of many; what has no room is told."""
    ids, at = sk.Index.open(artefact).ids, open_app(artefact)
    monkeypatch.setattr(basket, "MOST", len(ids) - 1)
    at.session_state["basket"] = dict.fromkeys(ids[:-2])
    at = linked(at, ids[5])
    at.button(key="add_shown").click().run()
    assert len(held(at)) <= len(ids) - 1
    at.session_state["basket"] = dict.fromkeys(ids[5:-1])
    monkeypatch.setattr(basket, "MOST", len(ids[5:-1]))
    at.button(key="add_query").click().run()
    assert len(cards(opened(at), "basket_cards")) == SHOWN
    at.session_state["basket"] = dict.fromkeys(ids[6:])
    monkeypatch.setattr(basket, "MOST", len(ids[6:]))
    at.button(key="add_query").click().run()
    assert held(at) == ids[6:]
    assert any("were not added" in warning.value for warning in at.warning)


def test_images_that_are_gone_leave_the_basket(open_app: OpenApp, artefact: Path, tmp_path: Path) -> None:
    """An export of what was removed from the index would fail or lie."""
    copy = shutil.copytree(artefact, tmp_path / "copy")
    index, at = sk.Index.open(copy), open_app(copy)
    at.session_state["basket"] = dict.fromkeys(index.ids[:3])
    index.remove([index.ids[1]])
    assert held(healthy(at.run())) == [index.ids[0], sk.Index.open(copy).ids[1]]


def test_an_empty_basket_says_how_it_is_filled(open_app: OpenApp, artefact: Path) -> None:
    """Nothing to download, and a sentence."""
    at = opened(open_app(artefact))
    assert any(caption.value == ABOUT for caption in at.caption)
    assert not at.get("download_button")
