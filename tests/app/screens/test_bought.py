"""Adapting while answers come in, and what they bought, on the page *Same or different?* in Streamlit's test harness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.state.labeling import adapting_session
from samekind.app.view_models.cards import Card, data_uri
from samekind.app.view_models.marks import Marks
from samekind.app.widgets import groups as groups_widget
from tests.app.conftest import OpenApp
from tests.app.jobs.test_adapting import wait
from tests.app.labeling import groups, label_pairs, pair_shown, press
from tests.app.pages import cards, healthy, library, shown


@pytest.fixture
def by_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the custom element: a button that answers as the labels say."""

    def stand_in(
        screen: str, anchor: Card, images: Sequence[Card], *, on_answer: Callable[..., None], **more: object
    ) -> None:
        right = [place for place, card in enumerate(images, start=1) if card.lines[0] == anchor.lines[0]]
        st.button("Answer", on_click=on_answer, args=(screen, Marks(tuple(right))))

    monkeypatch.setattr(groups_widget, "screen_grid", stand_in)


def labelled(at: AppTest) -> AppTest:
    """The mode *Groups* with labels shown, by which the stand-in answers."""
    at.session_state["labeling_show_labels"] = True
    return groups(at)


def settled(at: AppTest, folder: Path) -> AppTest:
    """The page once no step is under way."""
    wait(library(folder).adapting)
    return healthy(at.run())


def captions(at: AppTest) -> str:
    """All captions."""
    return "\n".join(caption.value for caption in at.caption).replace("\\", "")


@pytest.mark.usefixtures("by_label")
def test_searches_follow_the_answers_and_the_page_says_what_they_bought(open_app: OpenApp, folder: Path) -> None:
    """After each screen, without losing what was worked out already; the guard's reasons are a line; undo goes back and stays there."""
    at = labelled(open_app(folder))
    opened, screens = library(folder), library(folder).screens
    assert "Nothing yet" in captions(at)
    assert next(button for button in at.button if button.label == "Undo adaptation").disabled
    settled(press(at, "Answer"), folder)
    assert "Not adapted: too few answers:" in captions(at)
    assert not shown(at, "bought_neighbours")
    for _ in range(7):
        settled(press(at, "Answer"), folder)
    steps = sk.Index.open(folder).adaptations()
    assert [each["answers"] for each in steps] == [60, 70, 80]
    assert library(folder) is opened
    assert opened.screens is screens
    assert opened.index.adaptation is not None
    assert opened.index.adaptation.version == 3
    share = f"{100 * steps[-1]['held_out']['after']:.1f} %"
    assert f"Adapted: held-out images are nearer to their own group than images of other kinds in {share}" in captions(
        at
    )
    assert [(m.label, m.value) for m in at.metric][1] == ("Answers", "80")
    assert at.metric[0].value == f"{100 * steps[-1]['held_out']['after']:.1f} %"
    assert shown(at, "bought_chart")
    settled(press(at, "Undo adaptation"), folder)
    assert "Undone: version 2 is in force again." in captions(at)
    assert not at.toggle(key=adapting_session.ADAPT).value
    settled(press(at, "Answer"), folder)
    assert opened.index.adaptation is not None
    assert opened.index.adaptation.version == 2, "the switch is off"
    settled(press(at, "Adapt now"), folder)
    assert [each["version"] for each in sk.Index.open(folder).adaptations()] == [1, 2, 4]


@pytest.mark.usefixtures("by_label")
def test_neighbours_before_and_after_are_those_of_python(open_app: OpenApp, folder: Path) -> None:
    """Found when the list is opened; what was not among them before is marked."""
    at = labelled(open_app(folder))
    for _ in range(7):
        settled(press(at, "Answer"), folder)
    assert not shown(at, "nearest before")
    at.session_state["bought_neighbours"] = True
    healthy(at.run())
    index = sk.Index.open(folder)
    (screen,) = sk.acquire_screens(index, 1)
    anchor = screen.anchor.id
    found = [
        [hit.id for hit in index.search_id(anchor, 9, adapted=adapted) if hit.id != anchor][:8]
        for adapted in (False, True)
    ]
    assert found[0] != found[1]
    for when, ids in zip(("before", "after"), found, strict=True):
        drawn = cards(at, f"nearest {when}")
        assert [card["pictures"][0]["image"] for card in drawn] == [data_uri(each) for each in index.thumbnails(ids)]
        assert [card["tone"] == "chosen" for card in drawn] == [id_ not in found[0] for id_ in ids]


@pytest.mark.usefixtures("by_label")
def test_another_process_at_work_is_one_quiet_line(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers are stored, no error is shown, and the next screen adapts."""

    def busy(path: Path) -> None:
        raise sk.ArtefactError(f"another samekind process is working in {path}", hint="wait")

    at = labelled(open_app(folder))
    monkeypatch.setattr(sk, "adapt", busy)
    settled(press(at, "Answer"), folder)
    assert "Not done: another samekind process is working in" in captions(at)
    assert len(sk.VerdictTable(folder).all()) == 10


def test_pairs_adapt_at_every_tenth(open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair says little; a batch of candidates and the pair shown outlive an adaptation."""
    asked = []
    at = label_pairs(open_app(folder))
    opened = library(folder)
    monkeypatch.setattr(opened, "adapt_later", lambda: asked.append(len(sk.VerdictTable(folder).all())))
    for _ in range(20):
        press(at, "Different")
    assert asked == [10, 20]
    before, pool = pair_shown(at), opened.pool()
    sk.VerdictTable(folder).add(
        [
            v
            for screen in sk.acquire_screens(sk.Index.open(folder), 6, 20)
            for v in screen.verdicts([each.id for each in screen.images if each.label == screen.anchor.label])
            if before != v.pair
        ]
    )
    assert sk.adapt(folder).adapted
    assert pair_shown(healthy(at.run())) == before
    assert library(folder).pool() is pool
    assert opened.index.adaptation is not None


def test_an_adaptation_by_another_process_keeps_the_audit(open_app: OpenApp, folder: Path) -> None:
    """Searches follow it; audits, which look at the encoder's own vectors, are not done again."""
    label_pairs(open_app(folder))
    opened = library(folder)
    audit = opened.audit(10)
    table = sk.VerdictTable(folder)
    for screen in sk.acquire_screens(sk.Index.open(folder), 6, 20):
        table.add(screen.verdicts([each.id for each in screen.images if each.label == screen.anchor.label]))
    sk.adapt(folder)
    assert library(folder).audit(10) is audit
    assert library(folder).index.adaptation is not None
    sk.undo_adaptation(folder)
    assert library(folder).index.adaptation is None
