"""Tags in the demo: put on one image or on many, undone, shown on cards, filtered by, and kept beside the index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.state import map_session
from samekind.app.widgets import picker
from tests.app.conftest import OpenApp
from tests.app.pages import SEARCH, badges, cards, healthy, library, linked, press, shown


@pytest.fixture
def own(artefact: Path, tmp_path: Path) -> Path:
    """A copy to write to."""
    return Path(shutil.copytree(artefact, tmp_path / "digits"))


def tagged(path: Path, tag: str) -> set[str]:
    """Ids of the images that have a tag."""
    index, held = sk.Index.open(path), sk.TagTable(path).current()
    return {id_ for id_ in index.ids if tag in held.get(index.row(id_)["sha256"], ())}


def pressed(at: AppTest, field: str, tags: str, button: str) -> AppTest:
    """The page after tags were written in a field and its button was pressed."""
    at.text_input(key=field).set_value(tags)
    return healthy(at.button(key=button).click().run())


def said(at: AppTest, text: str) -> bool:
    """True if the page says that."""
    return any(text in each.value for each in at.markdown)


def test_what_is_shown_is_tagged_filtered_by_and_undone(open_search: OpenApp, own: Path) -> None:
    """Cards name the tag; both filters leave only such images; Undo takes it back, and with it the filters."""
    index = sk.Index.open(own)
    at = linked(open_search(own), index.ids[5])
    assert not any(box.key in ("where_tag", "grid_tag") for box in at.selectbox)
    near = [card["id"] for card in cards(at, "neighbours")]
    at = pressed(at, "shown_tags", " to buy; round;", "shown_put")
    assert tagged(own, "to buy") >= {*near}
    assert all("# to buy" in badges(card) for card in cards(at, "neighbours"))
    assert said(at, "“to buy” and “round” put on 10 images")
    at.slider(key="k").set_value(30).run()
    at = healthy(at.selectbox(key="where_tag").set_value("to buy").run())
    assert {card["id"] for card in cards(at, "neighbours")} == tagged(own, "to buy") - {index.ids[5]}
    at = healthy(at.selectbox(key="grid_tag").set_value("round").run())
    assert {card["id"] for card in cards(at, "picker")} == tagged(own, "round")
    at = healthy(at.button(key="shown_undo").click().run())
    assert sk.TagTable(own).current() == {}
    assert len(cards(at, "neighbours")) == 30
    assert len(cards(at, "picker")) == picker.PAGE_SIZE


def test_one_image_gets_and_loses_tags_in_its_dialog(open_search: OpenApp, own: Path) -> None:
    """That of the original; what is no tag is refused in one line."""
    id_ = sk.Index.open(own).ids[5]
    at = healthy(linked(open_search(own), id_).button(key="query_tags").click().run())
    at.multiselect(key=f"tags_of_{id_}").set_value(["red", "blue"]).run()
    assert tagged(own, "red") == tagged(own, "blue") >= {id_}
    press(at, lambda: picker.act(library(own), "open", id_))
    assert at.multiselect(key=f"tags_of_{id_}").value == ["blue", "red"]
    at.multiselect(key=f"tags_of_{id_}").set_value(["blue"]).run()
    assert tagged(own, "red") == set()
    press(at, lambda: picker.act(library(own), "open", id_))
    at.multiselect(key=f"tags_of_{id_}").set_value(["blue", "a;b"]).run()
    assert sk.TagTable(own).current() == dict.fromkeys(sk.TagTable(own).current(), ("blue",))


def test_the_basket_is_tagged_as_a_whole(open_app: OpenApp, own: Path) -> None:
    """And the tag is taken away again; who did so is kept."""
    ids = sk.Index.open(own).ids
    at = open_app(own)
    at.session_state["basket"] = dict.fromkeys(ids[10:40])
    at = at.switch_page(SEARCH).run()
    at.session_state["basket_open"] = True
    at = pressed(at.run(), "basket_tags", "odd", "basket_put")
    assert tagged(own, "odd") >= {*ids[10:40]}
    assert "# odd" in badges(cards(at, "basket_cards")[0])
    at = pressed(at, "basket_tags", "odd", "basket_put")
    assert said(at, "Nothing to do")
    at = pressed(at, "basket_tags", "odd", "basket_take")
    assert said(at, "“odd” taken from 30 images")
    assert tagged(own, "odd") == set()
    assert {each.who for each in sk.TagTable(own).all()} == {sk.TagTable(own).all()[0].who} != {""}


def test_a_line_around_points_of_the_map_is_tagged(open_app: OpenApp, own: Path) -> None:
    """All that is inside, also what has no card."""
    sk.make_map(sk.Index.open(own)).write(own)
    at = open_app(own, "screens/map.py")
    press(at, lambda: None)
    ids = sk.Index.open(own).ids
    at.session_state["map_selected"] = ids[:100]
    at = pressed(healthy(at.run()), "map_tags", "corner", "map_put")
    assert tagged(own, "corner") >= {*ids[:100]}
    assert map_session.NAME in [each.key for each in at.text_input]


def test_tags_of_another_session_are_seen(open_search: OpenApp, own: Path) -> None:
    """At the next click; damaged ones cost the tags and not the page."""
    index = sk.Index.open(own)
    at = linked(open_search(own), index.ids[5])
    near = [card["id"] for card in cards(at, "neighbours")]
    sk.TagTable(own).put([str(index.row(near[0])["sha256"])], "seen")
    at = healthy(at.run())
    assert "# seen" in badges(cards(at, "neighbours")[0])
    sk.TagTable(own).put([str(index.row(near[1])["sha256"])], "seen")
    hint = next((own / "db" / "tags.lance" / "_versions").glob("*.json"))
    hint.write_text('{"version": 99}')  # the answers since the one before would be lost
    at = at.run()
    assert not at.exception
    assert ["latest version" in error.value for error in at.error] == [True]
    assert shown(at, "neighbours")
    assert not any(box.key == "where_tag" for box in at.selectbox)


def test_tags_that_cannot_be_written_are_not_said_to_be_there(open_search: OpenApp, own: Path) -> None:
    """Why not is said, and nothing else."""
    at = linked(open_search(own), sk.Index.open(own).ids[5])
    at.text_input(key="shown_tags").set_value("x" * 5000)
    at = at.button(key="shown_put").click().run()
    assert len(at.error) == 1
    assert not said(at, "Nothing to do")


def test_an_unknown_tag_in_the_address_is_told_and_dropped(open_search: OpenApp, own: Path) -> None:
    """Once; the neighbours are those of no filter."""
    at = open_search(own)
    at.query_params["where_tag"] = "gone"
    at = linked(at, sk.Index.open(own).ids[5])
    assert ["a tag that no image has" in warning.value and "gone" in warning.value for warning in at.warning] == [True]
    assert "where_tag" not in at.query_params
    assert len(cards(at, "neighbours")) == 10
    assert not healthy(at.run()).warning
