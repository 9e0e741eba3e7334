"""Verdicts given on the page *Same or different?*: what is kept, shown and taken back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

import samekind as sk
from samekind.app.state.labeling import labeling_session
from samekind.app.state.library import Library
from samekind.app.view_models import label_pairs_view
from samekind.app.view_models.pairs import key_of
from tests.app.conftest import OpenApp
from tests.app.labeling import build, label_pairs, pair_shown, press
from tests.app.pages import cards, healthy, shown


def test_an_answer_is_kept_with_who_when_and_why(open_app: OpenApp, folder: Path) -> None:
    """Every button adds its verdict on the pair that was shown; the note is for one answer; the history has the newest first."""
    table, at = sk.VerdictTable(folder), label_pairs(open_app(folder))
    at.text_input(key="labeling_annotator").set_value(" Ana ").run()
    asked = []
    for choice in label_pairs_view.CHOICES:
        at.text_input(key="labeling_note").set_value(f"why {choice.key}").run()
        asked.append(pair_shown(at))
        press(at, choice.words)
        if choice.verdict == label_pairs_view.WRONG_LABEL:
            assert len(table.all()) == 3, "not without seeing the labels"
            assert pair_shown(at) == asked[-1]
            assert cards(at, "anchor_card")[0]["lines"]
            press(at, label_pairs_view.WHOSE[0].words)
        assert at.text_input(key="labeling_note").value == ""
        assert not cards(at, "anchor_card")[0]["lines"]
    kept = table.all()
    assert [(v.pair, v.verdict, v.who, v.note) for v in kept] == [
        (pair, choice.verdict, "Ana", f"why {choice.key}")
        for pair, choice in zip(asked, label_pairs_view.CHOICES, strict=True)
    ]
    assert len(set(asked)) == 5
    history = cards(at, "history")
    assert [card["id"] for card in history] == [key_of(v.pair) for v in reversed(kept)]
    assert [card["heading"] for card in history] == [choice.words for choice in reversed(label_pairs_view.CHOICES)]
    assert all("Ana, 20" in card["lines"][-1] for card in history)
    assert [card["badges"][0]["text"] for card in history] == [f"why {n}" for n in "54321"]


@pytest.mark.parametrize("whose", label_pairs_view.WHOSE, ids=lambda whose: whose.verdict)
def test_a_wrong_label_is_the_anchors_or_the_negatives(
    open_app: OpenApp, folder: Path, whose: label_pairs_view.Choice
) -> None:
    """The verdict has the image with the wrong label as its anchor; the history names that label; undo asks as before."""
    first, second = sk.acquire_pairs(sk.Index.open(folder), 2, order="mixed")
    at = label_pairs(open_app(folder))
    press(at, "Wrong label")
    assert {"Same kind", "Different", "Unsure", "Duplicate"} <= {button.label for button in at.button}
    assert "Wrong label" not in {button.label for button in at.button}
    press(at, whose.words)
    asked = first.anchor_sha256, first.negative_sha256
    wrong, other = asked if whose.verdict == "anchor" else asked[::-1]
    (verdict,) = sk.VerdictTable(folder).all()
    assert (verdict.anchor_sha256, verdict.negative_sha256, verdict.verdict) == (wrong, other, "wrong_label")
    labels = (first.anchor_label, first.negative_label)[:: 1 if whose.verdict == "anchor" else -1]
    (card,) = cards(at, "history")
    assert card["lines"][0] == f"{labels[0]} (wrong) · {labels[1]}"
    assert card["pictures"][0]["alt"].endswith(f"{labels[0]} (wrong)")
    assert pair_shown(at) == second.pair
    assert "Wrong label" in {button.label for button in at.button}
    press(at, "Undo")
    assert pair_shown(at) == first.pair
    at.toggle(key="labeling_show_labels").set_value(True).run()
    assert cards(at, "anchor_card")[0]["lines"] == [first.anchor_label, first.anchor_id], "in the roles of the pair"


def test_labels_that_are_shown_anyway_are_asked_about_as_well(open_app: OpenApp, folder: Path) -> None:
    """With the switch on, the press asks whose label is wrong and answers nothing yet; another answer stays possible."""
    at = label_pairs(open_app(folder))
    at.toggle(key="labeling_show_labels").set_value(True).run()
    asked = pair_shown(at)
    press(at, "Wrong label")
    assert sk.VerdictTable(folder).all() == []
    press(at, "Different")
    assert {pair: v.verdict for pair, v in sk.VerdictTable(folder).current().items()} == {asked: "different"}


def test_the_question_whose_label_is_wrong_can_be_put_aside(open_app: OpenApp, folder: Path) -> None:
    """U is then for that question and not for the answer before it; the pair stays, its labels hidden again."""
    at = press(label_pairs(open_app(folder)), "Same kind")
    before, asked = sk.VerdictTable(folder).all(), pair_shown(at)
    press(at, "Wrong label")
    assert "Undo" not in {button.label for button in at.button}
    press(at, "Back")
    assert (pair_shown(at), sk.VerdictTable(folder).all()) == (asked, before)
    assert {"Wrong label", "Undo"} <= {button.label for button in at.button}
    assert cards(at, "anchor_card")[0]["lines"] == []


def test_undo_appends_and_asks_again(open_app: OpenApp, folder: Path) -> None:
    """Taking an answer back leaves it in the table, withdrawn; its pair is shown again, and the one before can be taken back too."""
    table, at = sk.VerdictTable(folder), label_pairs(open_app(folder))
    (undo,) = [button for button in at.button if button.label == "Undo"]
    assert undo.disabled
    asked = []
    for words in ("Same kind", "Different"):
        asked.append(pair_shown(at))
        press(at, words)
    press(at, "Undo")
    assert pair_shown(at) == asked[1]
    assert [v.verdict for v in table.all()] == ["same", "different", "withdrawn"]
    assert list(table.current()) == [asked[0]]
    press(at, "Undo")
    assert pair_shown(at) == asked[0]
    assert table.current() == {}
    press(at, "Unsure")
    assert {pair: v.verdict for pair, v in table.current().items()} == {asked[0]: "unsure"}
    assert pair_shown(at) == asked[1]


def test_answers_are_there_for_the_next_visitor(open_app: OpenApp, folder: Path) -> None:
    """A new session finds the is not asked them again, and can take them back from the history."""
    at = label_pairs(open_app(folder))
    asked = pair_shown(at)
    press(at, "Same kind")
    new = label_pairs(open_app(folder))
    assert pair_shown(new) != asked
    assert [card["heading"] for card in cards(new, "history")] == ["Same kind"]
    assert cards(new, "history")[0]["action"] == "Undo"
    (bar,) = new.get("progress")
    assert "1 pair answered (1 same kind · 0 different" in bar.proto.text


def test_a_contradiction_is_shown_and_answered_again(open_app: OpenApp, folder: Path) -> None:
    """Two answers join a pair that a third calls different: all three are shown, and a new answer puts it right."""
    hashes = sorted(set(sk.Index.open(folder).rows.column("sha256")))[:3]
    chain = [sk.Verdict(a, b, "same") for a, b in itertools.pairwise(hashes)]
    torn = sk.Verdict(hashes[0], hashes[2], "different")
    table = sk.VerdictTable(folder)
    table.add([*chain, torn])
    at = label_pairs(open_app(folder))
    key = f"contradiction {key_of(torn.pair)}"
    assert [card["id"] for card in cards(at, key)] == [key_of(v.pair) for v in (torn, *chain)]
    assert {card["action"] for card in cards(at, key)} == {"Answer again"}
    assert any("that group is left out" in caption.value for caption in at.caption)
    at.session_state["labeling_pairs"].revisited = torn.pair
    assert pair_shown(healthy(at.run())) == torn.pair
    press(at, "Same kind")
    assert not shown(at, key)
    assert table.current()[torn.pair].verdict == "same"


def test_answers_that_gain_lead_to_training(open_app: OpenApp, folder: Path) -> None:
    """Many answers are no claim; once held-out images have gained, the page says by how much, and names the command of a training."""
    table = sk.VerdictTable(folder)
    for screen in sk.acquire_screens(sk.Index.open(folder), 6, 20):
        table.add(screen.verdicts([each.id for each in screen.images if each.label == screen.anchor.label]))
    at = label_pairs(open_app(folder))
    assert not at.code
    assert any("Enough answers to measure whether they help" in caption.value for caption in at.caption)
    assert sk.adapt(folder).adapted
    at = label_pairs(open_app(folder))
    assert any("The answers have paid" in caption.value for caption in at.caption)
    (code,) = at.code
    assert code.value.startswith("samekind train")
    assert code.value.endswith(f"--verdicts {folder}")


def test_an_answer_that_cannot_be_written_is_reported_and_asked_for_again(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one line; the pair and the note are still there."""

    def full(self: sk.VerdictTable, verdicts: object) -> None:
        raise sk.ArtefactError("cannot write verdicts", hint="free some space")

    at = label_pairs(open_app(folder))
    asked = pair_shown(at)
    at.text_input(key="labeling_note").set_value("heel").run()
    monkeypatch.setattr(sk.VerdictTable, "add", full)
    (button,) = [button for button in at.button if button.label == "Different"]
    button.click().run()
    assert [error.value for error in at.error] == ["cannot write verdicts\n\nfree some space"]
    assert (pair_shown(at), at.text_input(key="labeling_note").value) == (asked, "heel")
    assert not shown(at, "history")


def test_a_press_while_the_answer_is_written_counts_once(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit breaks the first callback off for the second one, as soon as that looks into the session's state."""
    at = label_pairs(open_app(folder))
    candidate, add = sk.acquire_pairs(sk.Index.open(folder), 1)[0], labeling_session.add
    assert pair_shown(at) == candidate.pair
    at.text_input(key="labeling_note").set_value("heel").run()

    def slow(opened: Library, verdicts: Sequence[sk.Verdict]) -> bool:
        labeling_session.annotate(opened, candidate, "different")
        return add(opened, verdicts)

    monkeypatch.setattr(labeling_session, "add", slow)
    press(at, "Same kind")
    assert [(v.pair, v.verdict, v.note) for v in sk.VerdictTable(folder).all()] == [(candidate.pair, "same", "heel")]
    assert at.text_input(key="labeling_note").value == "", "the note is not for the next pair"
    assert pair_shown(at) != candidate.pair


def test_without_labels_there_is_no_wrong_one(open_app: OpenApp, tmp_path: Path) -> None:
    """An unlabelled corpus is asked about as well; there is neither a label to show nor one to be wrong."""
    at = label_pairs(open_app(build(tmp_path / "unlabelled", labelled=False)))
    disabled = {button.label for button in at.button if button.disabled}
    assert disabled == {"Wrong label", "Undo", "Undo adaptation"}
    assert not [toggle for toggle in at.toggle if toggle.key == "labeling_show_labels"]
    assert cards(at, "anchor_card")


def test_an_image_without_a_label_cannot_be_mislabelled(open_app: OpenApp, tmp_path: Path) -> None:
    """In a partly labelled corpus one may be asked about beside one that has a label, and only that one's may be wrong."""
    folder = build(tmp_path / "partly", partly=True)
    index, table = sk.Index.open(folder), sk.VerdictTable(folder)
    labels = dict(zip(index.ids, index.labels or [], strict=True))
    while True:  # until such a pair comes first
        first = sk.acquire_pairs(index, 1)[0]
        if (labels[first.anchor_id] is None) != (labels[first.negative_id] is None):
            break
        table.add([sk.Verdict(first.anchor_sha256, first.negative_sha256, "unsure")])
    at = press(label_pairs(open_app(folder)), "Wrong label")
    able = {button.label for button in at.button if not button.disabled}
    anchor, negative = (choice.words for choice in label_pairs_view.WHOSE)
    assert (anchor in able, negative in able) == (
        labels[first.anchor_id] is not None,
        labels[first.negative_id] is not None,
    )


def test_answers_about_other_images_fill_no_bar(open_app: OpenApp, folder: Path) -> None:
    """They may have come by a CSV file from somebody with other images: nothing is learned from them here."""
    said = [sk.Verdict(f"{i:064x}", f"{i + 1:064x}", "same" if i % 4 else "different") for i in range(0, 60, 2)]
    sk.VerdictTable(folder).add(said)
    at = label_pairs(open_app(folder))
    assert not at.code
    assert any("whether answers help (0 so far)" in caption.value for caption in at.caption)
