"""Words on the page *Search*: the field is there where the encoder embeds text, and finds what a search for the words finds."""

from __future__ import annotations

from pathlib import Path

import pytest

import samekind as sk
from samekind.app.widgets.overview import searching
from tests import tiny_clip
from tests.app.conftest import OpenApp
from tests.app.pages import cards, healthy, linked, shown


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index on a small CLIP."""
    return tiny_clip.registered_index(tmp_path_factory.mktemp("worded"))


def test_there_is_no_field_without_a_text_tower(open_search: OpenApp, artefact: Path) -> None:
    """What cannot be asked is not offered."""
    assert not shown(healthy(open_search(artefact)), "words")


def test_words_find_what_a_search_finds(open_search: OpenApp, worded: Path) -> None:
    """Ids and similarities are those of `sk.Text`; the words stand where the query's picture would; k counts."""
    at = healthy(open_search(worded))
    assert not shown(at, "neighbours")
    at.text_input(key="words").set_value("red shoe").run()
    wanted = sk.Index.open(worded).search(sk.Text("red shoe"), k=10)
    found = cards(healthy(at), "neighbours")
    assert [card["id"] for card in found] == [hit.id for hit in wanted]
    assert [card["lines"][0] for card in found] == [f"similarity {hit.similarity:.3f}" for hit in wanted]
    (query,) = cards(at, "query_card")
    assert (query["heading"], query["pictures"]) == ("“red shoe”", [])
    at.slider(key="k").set_value(3).run()
    assert [card["id"] for card in cards(at, "neighbours")] == [hit.id for hit in wanted][:3]


def test_words_after_an_image_and_no_words(open_search: OpenApp, worded: Path) -> None:
    """Words replace the image of the address; emptied, the page has no query, and the address none either."""
    at = linked(open_search(worded), sk.Index.open(worded).ids[3])
    at.text_input(key="words").set_value("red shoe").run()
    assert cards(healthy(at), "query_card")[0]["heading"] == "“red shoe”"
    assert "id" not in at.query_params
    at.text_input(key="words").set_value(" ").run()
    assert not shown(healthy(at), "neighbours")


def test_an_image_empties_the_field(open_search: OpenApp, worded: Path) -> None:
    """An upload after words is the query, and the field no longer says otherwise."""
    index = sk.Index.open(worded)
    at = healthy(open_search(worded))
    at.text_input(key="words").set_value("red shoe").run()
    at.file_uploader[0].upload("mine.png", index.thumbnail(index.ids[2]), "image/png").run()
    assert cards(healthy(at), "query_card")[0]["lines"] == ["mine.png"]
    assert at.text_input(key="words").value == ""


def test_too_many_words_are_one_line(open_search: OpenApp, worded: Path) -> None:
    """The page names what is wrong and stays usable."""
    at = healthy(open_search(worded))
    at.text_input(key="words").set_value("shoe " * 40).run()
    assert not at.exception
    assert len(at.error) == 1
    assert "40 tokens" in at.error[0].value
    assert cards(at, "picker")


def test_words_on_the_first_page_lead_to_what_they_find(open_app: OpenApp, worded: Path) -> None:
    """The field of *Search* holds them then, and nothing but spaces leads nowhere."""
    at = healthy(open_app(worded))
    at.text_input(key=searching.WORDS).set_value(" ").run()
    assert healthy(at).title[0].value == "Overview"
    at.text_input(key=searching.WORDS).set_value("red shoe").run()
    assert healthy(at).title[0].value == "Search"
    assert cards(at, "query_card")[0]["heading"] == "“red shoe”"
    assert at.text_input(key="words").value == "red shoe"
