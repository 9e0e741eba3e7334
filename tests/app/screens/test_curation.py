"""The page *Clean up*, on an index whose wrong labels and copies are known."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.screens import curation
from samekind.app.view_models import curation_view
from samekind.indexer.labeling.people.current_answers import read_link_constraints
from tests.app.conftest import OpenApp
from tests.app.pages import CURATION, cards, shown
from tests.end_to_end.helpers import call
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder

WRONG = (4, 30)


def build(folder: Path, *, labelled: bool = True) -> Path:
    """Three kinds of pictures; two labels are wrong, 20 is an exact copy of 8 and 41 a darker one of 11."""
    pixels = kinds()
    pixels[20], pixels[41] = pixels[8], (pixels[11] * 0.95).astype(np.uint8)
    labels = [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)]
    for row in WRONG:
        labels[row] = "Shirt"
    save_encoder(FakeEncoder(), folder)
    corpus = sk.Corpus.from_arrays(list(pixels), labels if labelled else None, name="kinds")
    sk.build_index(corpus, FakeEncoder(), folder)
    return folder


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The labelled index; not to be changed."""
    return build(tmp_path_factory.mktemp("lists") / "kinds")


def opened(open_app: OpenApp, path: Path, which: str = curation.LABELS) -> AppTest:
    """The page with one of its lists, drawn without an error."""
    at = open_app(path).switch_page(CURATION).run()
    if which != curation.LABELS:
        at.segmented_control(key="which_list").set_value(which).run()
    assert not at.exception, at.exception
    assert not at.error, at.error
    assert at.title[0].value == "Clean up"
    assert len(at.markdown) <= 1, "nothing but the sentence on how many there are"
    return at


def verdicts(path: Path) -> list[tuple[str, str, str]]:
    """What was recorded, with ids instead of hashes."""
    index = sk.Index.open(path)
    id_of = dict(zip(index.rows.column("sha256"), index.ids, strict=True))
    found = sk.VerdictTable(path).all()
    return [(id_of[v.anchor_sha256], id_of[v.negative_sha256], v.verdict) for v in found]


def test_label_issues_show_both_labels_and_their_evidence(open_app: OpenApp, listed: Path) -> None:
    """Every wrong label is a card with the given and the suggested class, beside neighbours of the suggested one."""
    found = sk.Index.open(listed).label_issues()
    assert {issue.id for issue in found.issues} == {sk.Index.open(listed).ids[row] for row in WRONG}
    at = opened(open_app, listed)
    for issue in found.issues:
        (card,) = cards(at, f"label issue {issue.id}")
        assert card["heading"] == f"Shirt → {issue.suggested}?"
        evidence = cards(at, f"evidence {issue.id}")
        assert [card["id"] for card in evidence] == list(issue.neighbours[: curation_view.EVIDENCE_SHOWN])
        assert {card["heading"] for card in evidence} == {issue.suggested}
        beside = cards(at, f"label {issue.id}")
        assert [card["id"] for card in beside] == list(issue.label_neighbours[: curation_view.EVIDENCE_SHOWN])
        assert {card["heading"] for card in beside} == {"Shirt"}
    assert not at.warning


def test_a_weak_encoder_and_the_precision_by_answers_are_told(
    open_app: OpenApp, listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where few labels come out as they are there is a warning; answers tell how many are wrong, with an interval."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    monkeypatch.setattr(curation_view, "WEAK", 1.1)
    at = opened(open_app, copy)
    assert any("too weak for this list" in warning.value for warning in at.warning)
    at.button(key=f"suggested {first.id}").click().run()
    at.button(key=f"right_label {other.id}").click().run()
    assert "Of 2 answered ones 1 had a wrong label: 50 %, with 95 % certainty 9 % to 91 %" in at.markdown[0].value


def test_an_answer_becomes_a_verdict_and_can_be_taken_back(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """Wrong, right and undo: `wrong_label` beside the nearest neighbour, `right_label` on the image alone, and `withdrawn`."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    at = opened(open_app, copy)
    at.button(key=f"suggested {first.id}").click().run()
    at.button(key=f"right_label {other.id}").click().run()
    expected = [(first.id, first.neighbours[0], "wrong_label"), (other.id, other.id, "right_label")]
    assert verdicts(copy) == expected
    assert [badge["text"] for badge in cards(at, f"label issue {first.id}")[0]["badges"]] == ["confirmed"]
    assert [badge["text"] for badge in cards(at, f"label issue {other.id}")[0]["badges"]] == ["dismissed"]
    at.toggle(key="hide_answered").set_value(True).run()
    assert any("Nothing is left" in info.value for info in at.info)
    at.toggle(key="hide_answered").set_value(False).run()
    at.button(key=f"undo {first.id}").click().run()
    assert verdicts(copy) == [*expected, (first.id, first.neighbours[0], "withdrawn")]
    assert cards(at, f"label issue {first.id}")[0]["badges"] == []
    at.button(key=f"undo {other.id}").click().run()
    assert verdicts(copy)[-1] == (other.id, other.id, "withdrawn")
    assert cards(at, f"label issue {other.id}")[0]["badges"] == []


def test_that_a_label_is_right_is_no_answer_about_a_pair(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """It counts for no pair, is learned from by nothing, and leaves the list here and on the command line where answers are hidden."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    at = opened(open_app, copy)
    at.button(key=f"right_label {first.id}").click().run()
    assert (sk.VerdictTable(copy).current(), sk.current_answers(copy)) == ({}, {})
    with pytest.raises(sk.ArtefactError, match="holds no verdicts"):
        read_link_constraints(copy)
    at.toggle(key="hide_answered").set_value(True).run()
    assert not shown(at, f"label issue {first.id}")
    assert shown(at, f"label issue {other.id}")
    listed_now = {
        flags: [each["id"] for each in call("suspects", copy, "--json", *flags).answer["label_suspects"]]
        for flags in ((), ("--hide-answered",))
    }
    assert listed_now == {(): [first.id, other.id], ("--hide-answered",): [other.id]}


@pytest.mark.parametrize("verdict", ["different", "wrong_label"])
def test_an_answer_about_another_neighbour_is_taken_back_as_well(
    open_app: OpenApp, listed: Path, tmp_path: Path, verdict: str
) -> None:
    """Given on *Same or different?*, or before a new training: Undo withdraws what decided, and the buttons come back."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    first = index.label_issues().issues[0]
    own, other = (index.row(id_)["sha256"] for id_ in (first.id, first.neighbours[1]))
    sk.VerdictTable(copy).add([sk.Verdict(own, other, verdict, who="ann")])
    at = opened(open_app, copy)
    at.button(key=f"undo {first.id}").click().run()
    assert sk.VerdictTable(copy).current() == {}
    assert cards(at, f"label issue {first.id}")[0]["badges"] == []
    at.button(key=f"suggested {first.id}").click().run()
    (verdict_now,) = sk.VerdictTable(copy).current().values()
    assert verdict_now.who


@pytest.mark.parametrize("word", ["wrong_label", "right_label"])
def test_an_answer_replaces_none_that_was_given_before(
    open_app: OpenApp, listed: Path, tmp_path: Path, word: str
) -> None:
    """Verdicts from *Same or different?* on the image and its nearest neighbours outlive an answer of the list, and its undo."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    first = index.label_issues().issues[0]
    sha = {id_: index.row(id_)["sha256"] for id_ in (first.id, *first.neighbours)}
    before = [sk.Verdict(sha[first.id], sha[n], "same", who="ann", note="heel") for n in first.neighbours[:2]]
    before.append(sk.Verdict(sha[first.neighbours[1]], sha[first.neighbours[2]], "unsure"))  # not about the image
    table = sk.VerdictTable(copy)
    table.add(before)
    at = opened(open_app, copy)
    at.button(key=f"{word} {first.id}").click().run()
    beside = first.neighbours[2] if word == "wrong_label" else first.id
    assert verdicts(copy)[-1] == (first.id, beside, word)
    assert all(table.current()[each.pair] == each for each in before)
    at.button(key=f"undo {first.id}").click().run()
    assert table.current() == {each.pair: each for each in before}
    assert cards(at, f"label issue {first.id}")[0]["badges"] == []


def test_that_the_neighbours_label_is_wrong_is_not_about_the_image(
    open_app: OpenApp, listed: Path, tmp_path: Path
) -> None:
    """It neither confirms the image nor goes when the image's answer is taken back."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    first = index.label_issues().issues[0]
    own, other = (index.row(id_)["sha256"] for id_ in (first.id, first.neighbours[0]))
    elsewhere = sk.Verdict(other, own, "wrong_label", who="ann")
    sk.VerdictTable(copy).add([elsewhere])
    at = opened(open_app, copy)
    assert cards(at, f"label issue {first.id}")[0]["badges"] == []
    at.button(key=f"suggested {first.id}").click().run()
    assert verdicts(copy)[-1] == (first.id, first.neighbours[1], "wrong_label")
    at.button(key=f"undo {first.id}").click().run()
    assert list(sk.VerdictTable(copy).current().values()) == [elsewhere]


def test_where_all_neighbours_have_an_answer_it_is_about_the_nearest() -> None:
    """The first untouched one otherwise, whichever of the two is first in the alphabet."""
    hashes = [letter * 64 for letter in "bacd"]
    own, *others = hashes
    given = [sk.Verdict(own, other, "unsure") for other in others]
    current = {verdict.pair: verdict for verdict in given}
    assert curation_view.negative_for(own, others, {}) == others[0]
    assert curation_view.negative_for(own, others, dict(list(current.items())[:2])) == others[2]
    assert curation_view.negative_for(own, others, current) == others[0]


def test_no_answer_is_about_a_neighbour_that_is_not_shown(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """Nobody has seen it: once all that are shown have an answer, the nearest one gets another."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    first = index.label_issues().issues[0]
    assert len(first.neighbours) > curation_view.EVIDENCE_SHOWN
    sha = {id_: index.row(id_)["sha256"] for id_ in (first.id, *first.neighbours)}
    shown = first.neighbours[: curation_view.EVIDENCE_SHOWN]
    sk.VerdictTable(copy).add([sk.Verdict(sha[first.id], sha[id_], "unsure") for id_ in shown])
    at = opened(open_app, copy)
    at.button(key=f"suggested {first.id}").click().run()
    assert verdicts(copy)[-1] == (first.id, first.neighbours[0], "wrong_label")


def test_an_answer_that_cannot_be_written_is_reported(
    open_app: OpenApp, listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one line, and the buttons stay."""

    def full(self: sk.VerdictTable, verdicts: object) -> None:
        raise sk.ArtefactError("cannot write verdicts", hint="free some space")

    copy = shutil.copytree(listed, tmp_path / "copy")
    first = sk.Index.open(copy).label_issues().issues[0]
    at, key = opened(open_app, copy), f"suggested {first.id}"
    monkeypatch.setattr(sk.VerdictTable, "add", full)
    at.button(key=key).click().run()
    assert [error.value for error in at.error] == ["cannot write verdicts\n\nfree some space"]
    assert at.button(key=key).label == first.suggested
    assert not at.run().error, "shown once"


def test_duplicates_are_shown_side_by_side_and_answered(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """Each pair is a card with both pictures; the exact copy has no buttons, the near one becomes `duplicate`."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    ids = sk.Index.open(copy).ids
    at = opened(open_app, copy, curation.DUPLICATES)
    (exact,), (near,) = cards(at, f"pair {ids[8]} {ids[20]}"), cards(at, f"pair {ids[11]} {ids[41]}")
    assert (exact["heading"], near["heading"]) == ("exact copy", "same picture, other file")
    assert (exact["lines"][0], near["lines"][0]) == ("equal files", "pixels agree > 0.999")
    assert exact["pictures"][0]["image"] == exact["pictures"][1]["image"]
    assert len(near["pictures"]) == 2
    assert not any(button.key and button.key.endswith(f"{ids[8]} {ids[20]}") for button in at.button)
    for verdict, badge in (("duplicate", "confirmed"), ("same", "dismissed"), ("different", "dismissed")):
        at.button(key=f"{verdict} {ids[11]} {ids[41]}").click().run()
        assert verdicts(copy)[-1] == (ids[11], ids[41], verdict)
        assert [each["text"] for each in cards(at, f"pair {ids[11]} {ids[41]}")[0]["badges"]] == [badge]
        at.button(key=f"undo {ids[11]} {ids[41]}").click().run()
        assert sk.VerdictTable(copy).current() == {}


def test_an_unlabelled_corpus_has_duplicates_only(open_app: OpenApp, tmp_path: Path) -> None:
    """The page opens on the list that there is; the other one says in one line why it is empty."""
    folder = build(tmp_path / "unlabelled", labelled=False)
    at = opened(open_app, folder)
    ids = sk.Index.open(folder).ids
    assert cards(at, f"pair {ids[8]} {ids[20]}")
    at.segmented_control(key="which_list").set_value(curation.LABELS).run()
    assert any("no labels" in info.value for info in at.info)


def test_labels_that_differ_are_marked_on_a_pair() -> None:
    """Two copies with two labels cannot both be right; where a label is unknown nothing is marked."""
    for labels, texts in ((("Bag", "Coat"), ["LABELS DIFFER"]), (("Bag", "Bag"), []), (("Bag", None), [])):
        pair = sk.Duplicate("a", "b", "near", 0.9, 0.9, *labels)
        card = curation_view.duplicate_card(pair, {"a": b"", "b": b""})
        assert [badge.text for badge in card.badges] == texts


def test_only_what_can_still_be_answered_is_left() -> None:
    """Confirmed and dismissed pairs and exact copies are hidden."""
    pairs = tuple(
        sk.Duplicate(str(i), "b", kind, 1, 1, confirmed=confirmed)
        for i, (kind, confirmed) in enumerate([("exact", None), ("near", None), ("near", True), ("near", False)])
    )
    assert [pair.a for pair in curation_view.unanswered(pairs)] == ["1"]


def test_the_lists_can_be_downloaded(listed: Path) -> None:
    """The file holds ids, labels, suggestions and scores."""
    text = sk.Index.open(listed).label_issues().to_csv()
    assert {line["suggested"] for line in csv.DictReader(io.StringIO(text))} == {"Bag", "Coat"}
