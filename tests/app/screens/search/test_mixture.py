"""Several images as one query, on real indexes: what is mixed, taken out, and kept in the address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.app.state import search_session
from samekind.app.state.query import Query
from samekind.app.widgets import picker
from tests import tiny_clip
from tests.app.conftest import OpenApp
from tests.app.pages import badges, cards, healthy, library, linked, png_of, press, shown


def found(at: Any) -> list[str]:
    """Ids of the neighbours that are shown."""
    return [card["id"] for card in cards(at, "neighbours")]


def wanted(artefact: Path, like: list[str], unlike: list[str], k: int = 10, **options: Any) -> list[str]:
    """What the facade finds, the query's own images left out."""
    index = sk.Index.open(artefact)
    hits = index.search(sk.Mix(*like, unlike=unlike, **options), k=k + len(like + unlike))
    assert isinstance(hits, sk.SearchResult)
    return [hit.id for hit in hits if hit.id not in like + unlike][:k]


def test_more_and_less_like_this_mix_the_query(open_search: OpenApp, artefact: Path) -> None:
    """Buttons of neighbours add parts; the neighbours are those of `sk.Mix`; the address holds them, and opens the same view."""
    first = sk.Index.open(artefact).ids[7]
    at = linked(open_search(artefact), first)
    more, less = found(at)[1], found(at)[6]
    press(at, lambda: picker.act(library(artefact), "more", more))
    press(healthy(at), lambda: picker.act(library(artefact), "less", less))
    assert found(healthy(at)) == wanted(artefact, [first, more], [less])
    parts = cards(at, "mixture")
    assert [card["lines"] for card in parts] == [[first], [more], [less]]
    assert [badges(card) for card in parts] == [["like"], ["like"], ["unlike"]]
    assert [at.query_params[key] for key in ("id", "like", "unlike")] == [first, more, less]
    again = open_search(artefact)
    for key in ("id", "like", "unlike"):
        again.query_params[key] = at.query_params[key]
    assert found(healthy(again.run())) == found(at)
    again.query_params["like"] = [more, found(at)[2]]  # as Back and Forward change it
    assert found(healthy(again.run())) == wanted(artefact, [first, more, found(at)[2]], [less])


def test_parts_are_taken_out_again(open_search: OpenApp, artefact: Path) -> None:
    """The next one takes the place of the first; with the last thing to be like, the query is gone, whatever it was unlike."""
    ids = sk.Index.open(artefact).ids[:3]
    at = open_search(artefact)
    at.query_params["id"], at.query_params["like"], at.query_params["unlike"] = ids
    assert found(healthy(at.run())) == wanted(artefact, ids[:2], ids[2:])
    press(at, lambda: search_session.take_out(0))
    assert found(healthy(at)) == wanted(artefact, ids[1:2], ids[2:])
    assert at.query_params["id"] == ids[1]
    press(at, lambda: search_session.take_out(0))
    assert not shown(healthy(at), "neighbours")
    assert not {"id", "like", "unlike"} & {key for key in at.query_params if at.query_params[key]}


def test_an_image_stands_on_one_side_only(open_search: OpenApp, artefact: Path) -> None:
    """Who is unlike and is asked for more of changes sides; the only one that hits are like stays."""
    ids = sk.Index.open(artefact).ids
    at = linked(open_search(artefact), ids[7])
    at.toggle(key="leave_out_itself").set_value(False).run()
    press(at, lambda: picker.act(library(artefact), "less", ids[3]))
    press(at, lambda: picker.act(library(artefact), "more", ids[3]))
    assert [badges(card) for card in cards(at, "mixture")] == [["like"], ["like"]]
    press(at, lambda: picker.act(library(artefact), "less", ids[3]))
    press(at, lambda: picker.act(library(artefact), "less", ids[7]))
    assert [badges(card) for card in cards(at, "mixture")] == [["like"], ["unlike"]]
    own = [card for card in cards(healthy(at), "neighbours") if card["id"] == ids[7]]
    assert [(badges(card), [act["name"] for act in card["acts"]]) for card in own] == [(["the query"], ["open"])]


def test_several_uploads_are_one_query(open_search: OpenApp, artefact: Path) -> None:
    """Two files at once: the neighbours of their mixture, both left out; a broken one among them is named, and the page stays usable."""
    ids = sk.Index.open(artefact).ids[11:13]
    files = [(f"{name}.png", png_of(artefact, id_), "image/png") for name, id_ in zip("ab", ids, strict=True)]
    at = healthy(open_search(artefact))
    at.file_uploader[0].set_value(files).run()
    assert found(healthy(at)) == wanted(artefact, ids, [])
    assert [card["lines"] for card in cards(at, "mixture")] == [["a.png"], ["b.png"]]
    at.file_uploader[0].set_value([files[0], ("broken.png", b"no picture", "image/png")]).run()
    assert not at.exception
    assert ["broken.png" in error.value for error in at.error] == [True]
    assert cards(at, "picker")


def test_too_many_uploads_are_told(open_search: OpenApp, artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that fit are searched with, and a line says how many are left out."""
    monkeypatch.setattr(search_session, "MOST_PARTS", 2)
    ids = sk.Index.open(artefact).ids[11:14]
    at = healthy(open_search(artefact))
    at.file_uploader[0].set_value([(f"{i}.png", png_of(artefact, id_), "image/png") for i, id_ in enumerate(ids)]).run()
    assert found(healthy(at)) == wanted(artefact, ids[:2], [])
    assert any("1 upload left out" in caption.value for caption in at.caption)


def test_a_corpus_without_some_parts_of_a_link_shows_the_rest(open_search: OpenApp, artefact: Path) -> None:
    """A link from a larger corpus: what is missing is named, as it is called, and the rest is searched with."""
    ids = sk.Index.open(artefact).ids
    at = open_search(artefact)
    at.query_params["id"], at.query_params["like"] = "*gone*", ids[4]
    assert [r"\*gone\*" in warning.value for warning in at.run().warning] == [True]
    assert cards(healthy(at), "query_card")[0]["lines"] == [ids[4]]


def test_words_and_images_are_weighed(open_search: OpenApp, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Words with an image like them: a mixture, in which the slider weighs the words."""
    worded = tiny_clip.registered_index(tmp_path_factory.mktemp("worded"))
    at = healthy(open_search(worded))
    at.text_input(key="words").set_value("red shoe").run()
    more = found(at)[3]
    press(at, lambda: picker.act(library(worded), "more", more))
    mix = {"weights": [1.0, 1.0]}
    assert found(healthy(at)) == _with_words(worded, more, mix)
    at.slider(key="words_weight").set_value(0.25).run()
    assert found(healthy(at)) == _with_words(worded, more, {"weights": [0.25, 1.0]})
    assert _with_words(worded, more, {"weights": [0.25, 1.0]}) != _with_words(worded, more, mix)
    press(at, lambda: search_session.take_out(0))
    assert at.text_input(key="words").value == ""
    assert cards(healthy(at), "query_card")[0]["lines"] == [more]


def _with_words(path: Path, more: str, options: dict[str, Any]) -> list[str]:
    hits = sk.Index.open(path).search(sk.Mix(sk.Text("red shoe"), more, **options), k=11)
    return [hit.id for hit in hits if hit.id != more][:10]


def test_a_new_query_forgets_the_mixture(open_search: OpenApp, artefact: Path) -> None:
    """*Search with this* asks for that image alone."""
    ids = sk.Index.open(artefact).ids
    at = open_search(artefact)
    at.query_params["id"], at.query_params["like"] = ids[:2]
    at.run()
    press(at, lambda: search_session.choose(library(artefact), ids[5]))
    assert cards(healthy(at), "query_card")[0]["lines"] == [ids[5]]
    assert not at.query_params.get("like")
    at.session_state["query"] = Query(ids[6], ids[6])
    assert cards(at.run(), "query_card")[0]["lines"] == [ids[6]]
