"""The mode *Groups* of the page *Same or different?*, in Streamlit's test harness: plain widgets stand for what a browser draws."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.state.background_work import BackgroundWork
from samekind.app.state.labeling import labeling_session, screen_session
from samekind.app.state.library import Library
from samekind.app.view_models.cards import Card, data_uri
from samekind.app.view_models.marks import Marks
from samekind.app.widgets import groups as groups_widget
from tests.app.conftest import OpenApp
from tests.app.labeling import groups, label_pairs, pair_shown, press
from tests.app.pages import cards, healthy, library, shown


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the custom element: its marks as a field, and its button."""

    def stand_in(
        screen: str,
        anchor: Card,
        images: Sequence[Card],
        *,
        marks: Marks,
        names: Sequence[str],
        has_labels: bool,
        on_answer: Callable[..., None],
    ) -> None:

        def confirm() -> None:
            given = {kind: st.session_state[f"{kind} {screen}"] for kind in ("same", "duplicate", "wrong_label")}
            on_answer(screen, Marks.read({**given, "name": st.session_state[f"name {screen}"]}))

        def twice() -> None:
            on_answer(screen, Marks((1,)))
            on_answer(screen, Marks((1,)))

        st.session_state["offered"] = names
        places = list(range(1, len(images) + 1))
        for kind in ("same", "duplicate", "wrong_label"):
            st.multiselect(kind, places, default=list(getattr(marks, kind)), key=f"{kind} {screen}")
        st.text_input("name", value=marks.name, key=f"name {screen}")
        st.button("Confirm", key=screen, on_click=confirm)
        st.button("Twice", on_click=twice)
        st.button("Late", on_click=lambda: on_answer("0123456789abcdef", Marks((1,))))

    monkeypatch.setattr(groups_widget, "screen_grid", stand_in)


def screen_shown(at: AppTest) -> str:
    """The screen that would be answered."""
    (button,) = [button for button in at.button if button.label == "Confirm"]
    assert button.key is not None
    return button.key


def answer(
    at: AppTest, *places: int, duplicate: Sequence[int] = (), wrong_label: Sequence[int] = (), name: str = ""
) -> AppTest:
    """The page after these images were marked, and the screen confirmed."""
    for field, marked in zip(at.multiselect, (places, duplicate, wrong_label), strict=True):
        field.set_value(list(marked))
    at.text_input(key=f"name {screen_shown(at)}").set_value(name).run()
    return press(at, "Confirm")


def test_a_screen_is_drawn_as_python_gives_it_and_without_an_audit(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anchor and images are the first ones of `acquire_screens`; neither class nor id reaches the browser until it is asked for."""
    monkeypatch.delattr(BackgroundWork, "audit")
    index = sk.Index.open(folder)
    (screen,) = sk.acquire_screens(index, 1)
    at = groups(open_app(folder))

    def data() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(at.get_by_key("screen").proto.json)
        return found

    drawn = data()
    assert (drawn["screen"], drawn["marks"], len(drawn["cards"])) == (screen.id, Marks().to_data(), 10)
    assert drawn["anchor"]["pictures"][0]["image"] == data_uri(index.picture(screen.anchor.id))
    thumbnails = index.thumbnails([image.id for image in screen.images])
    assert [card["pictures"][0]["image"] for card in drawn["cards"]] == [data_uri(each) for each in thumbnails]
    assert not any(card["lines"] for card in [drawn["anchor"], *drawn["cards"]])
    assert screen.anchor.id not in json.dumps(drawn)
    at.toggle(key="labeling_show_labels").set_value(True).run()
    assert data()["screen"] == screen.id
    assert data()["cards"][4]["lines"] == [screen.images[4].label, screen.images[4].id]


@pytest.mark.usefixtures("plain")
def test_an_answered_screen_is_kept_and_the_next_one_is_there(open_app: OpenApp, folder: Path) -> None:
    """All its pairs at once, under its id and the visitor's name; the bar, the list below and the command of training follow."""
    (first,) = sk.acquire_screens(sk.Index.open(folder), 1)
    at = groups(open_app(folder))
    at.text_input(key="labeling_annotator").set_value(" Ana ").run()
    (bar,) = at.get("progress")
    assert "0 pairs answered" in bar.proto.text
    assert not at.code
    answer(at, 2, 10)
    given = sk.VerdictTable(folder).all()
    same = {first.images[1].sha256, first.images[9].sha256}
    assert {(v.anchor_sha256, v.who, v.screen) for v in given} == {(first.anchor.sha256, "Ana", first.id)}
    assert {v.negative_sha256 for v in given if v.verdict == "same"} == same
    assert sorted(v.verdict for v in given) == ["different"] * 8 + ["same"] * 2
    assert screen_shown(at) == sk.acquire_screens(sk.Index.open(folder), 1)[0].id != first.id
    (bar,) = at.get("progress")
    assert "10 pairs answered (2 same kind · 8 different" in bar.proto.text
    assert bar.proto.text.endswith(
        f"{library(folder).screens.num_unseen(sk.VerdictTable(folder).current())} images not seen yet"
    )
    (card,) = cards(at, "groups")
    assert (card["heading"], card["lines"][-1][:5], card["action"]) == ("2 same · 8 different", "Ana, ", "Undo")
    assert [p["image"] for p in card["pictures"]] == [
        data_uri(each) for each in sk.Index.open(folder).thumbnails([first.anchor.id, first.images[1].id])
    ]
    assert not at.code, "one screen is no proof of a gain"
    label_pairs(at)
    assert pair_shown(at) not in {v.pair for v in given}


@pytest.mark.usefixtures("plain")
def test_undo_takes_a_whole_screen_back_and_shows_it_as_it_was_marked(open_app: OpenApp, folder: Path) -> None:
    """Screen by screen, the last one first; nothing is deleted; confirmed again it is answered again."""
    table, at = sk.VerdictTable(folder), groups(open_app(folder))
    (undo,) = [button for button in at.button if button.label == "Undo"]
    assert undo.disabled
    asked = []
    for places in ((1, 2), ()):
        asked.append(screen_shown(at))
        answer(at, *places)
    press(at, "Undo")
    assert (screen_shown(at), at.multiselect[0].value) == (asked[1], [])
    assert {v.screen for v in table.current().values()} == {asked[0]}
    press(at, "Undo")
    assert (screen_shown(at), at.multiselect[0].value) == (asked[0], [1, 2])
    assert (table.current(), len(table.all())) == ({}, 40)
    assert not shown(at, "groups")
    press(at, "Confirm")
    assert sorted(v.verdict for v in table.current().values()) == ["different"] * 8 + ["same"] * 2
    assert screen_shown(at) == asked[1]


@pytest.mark.usefixtures("plain")
def test_a_skipped_screen_stores_nothing_and_comes_back_when_asked_for(open_app: OpenApp, folder: Path) -> None:
    """Another anchor comes; a press meant for the screen before does nothing; once all are skipped the page says so."""
    at = groups(open_app(folder))
    first = screen_shown(at)
    press(at, "Skip")
    assert screen_shown(at) != first
    for _ in range(200):
        if not [button for button in at.button if button.label == "Skip"]:
            break
        press(at, "Skip")
    num_anchors = library(folder).screens.num_unseen({})
    assert [i.value for i in at.info] == [f"Nothing is left to label here but {num_anchors} groups that you skipped."]
    assert sk.VerdictTable(folder).all() == []
    press(at, "Show them")
    assert screen_shown(at) == first


@pytest.mark.usefixtures("plain")
def test_a_press_that_comes_twice_or_late_counts_once(open_app: OpenApp, folder: Path) -> None:
    """The second one of two before the next screen is there, or one for a screen that is gone, answers nothing."""
    table, at = sk.VerdictTable(folder), groups(open_app(folder))
    asked = screen_shown(at)
    press(at, "Late")
    assert (table.all(), screen_shown(at)) == ([], asked)
    press(at, "Twice")
    assert (len(table.all()), {v.screen for v in table.all()}) == (10, {asked})


@pytest.mark.usefixtures("plain")
def test_a_press_while_the_answer_is_written_counts_once(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit breaks the first callback off for the second one, as soon as that looks into the session's state."""
    at, add = groups(open_app(folder)), labeling_session.add

    def slow(opened: Library, verdicts: Sequence[sk.Verdict]) -> bool:
        screen_session.answer(opened, verdicts[0].screen, Marks())
        return add(opened, verdicts)

    monkeypatch.setattr(labeling_session, "add", slow)
    answer(at, 1, 2)
    assert sorted(v.verdict for v in sk.VerdictTable(folder).all()) == ["different"] * 8 + ["same"] * 2


@pytest.mark.usefixtures("plain")
def test_two_tabs_show_different_screens(open_app: OpenApp, folder: Path) -> None:
    """Each its own anchor; a screen of which a pair was answered elsewhere is passed over."""
    one, two = groups(open_app(folder)), groups(open_app(folder))
    assert screen_shown(one) != screen_shown(two)
    first = sk.acquire_screens(sk.Index.open(folder), 1)[0]
    assert screen_shown(one) == first.id
    sk.VerdictTable(folder).add([sk.Verdict(*first.pairs[0], "same", who="another machine")])
    assert screen_shown(healthy(one.run())) != first.id


@pytest.mark.usefixtures("plain")
def test_an_answer_that_cannot_be_written_leaves_the_screen(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line with the remedy, and the same screen."""

    def full(self: sk.VerdictTable, verdicts: object) -> None:
        raise sk.ArtefactError("cannot write verdicts", hint="free some space")

    at = groups(open_app(folder))
    asked = screen_shown(at)
    monkeypatch.setattr(sk.VerdictTable, "add", full)
    monkeypatch.delattr(sk.ScreenPool, "acquire")  # it is this one, and not a new one that happens to be the same
    next(button for button in at.button if button.label == "Confirm").click().run()
    assert [error.value for error in at.error] == ["cannot write verdicts\n\nfree some space"]
    assert screen_shown(at) == asked


@pytest.mark.usefixtures("plain")
def test_contradictions_and_the_end(open_app: OpenApp, folder: Path) -> None:
    """Answers that contradict each other are counted, and *Pairs* lists them; when every pair is answered the page says so."""
    hashes = sorted(set(sk.Index.open(folder).rows.column("sha256")))
    pairs = [sk.Verdict(a, b, "same") for a, b in itertools.pairwise(hashes[:3])]
    table = sk.VerdictTable(folder)
    table.add([*pairs, sk.Verdict(hashes[0], hashes[2], "different")])
    at = groups(open_app(folder))
    assert ["1 pair called different" in warning.value for warning in at.warning] == [True]
    table.add([sk.Verdict(a, b, "same") for a, b in [(hashes[0], hashes[2]), *itertools.pairwise(hashes)]])
    healthy(at.run())
    assert [info.value for info in at.info] == ["Nothing is left to label here."]
    assert not at.warning


@pytest.mark.usefixtures("plain")
def test_a_selection_is_asked_about_also_when_the_index_has_changed(
    open_app: OpenApp, folder: Path, tmp_path: Path
) -> None:
    """Of images that were taken out meanwhile nothing is asked; when all are gone, all others are asked about again."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    index = sk.Index.open(copy)
    content = {id_: index.row(id_)["sha256"] for id_ in index.ids}
    chosen = [id_ for id_ in index.ids if list(content.values()).count(content[id_]) == 1][:12]
    at = groups(open_app(copy))
    work = screen_session._Work()
    work.contents = frozenset(content[id_] for id_ in chosen)
    at.session_state["labeling_screens"] = work

    def shown_now() -> set[str]:
        assert work.shown is not None
        return {work.shown.anchor.id, *(image.id for image in work.shown.images)}

    healthy(at.run())
    assert shown_now() <= set(chosen)
    index.remove(chosen[:4])
    healthy(at.run())
    assert shown_now() <= set(chosen[4:])
    index.remove(chosen[4:])
    healthy(at.run())
    assert not work.contents
    assert shown_now()
