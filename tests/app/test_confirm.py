"""The page *Confirm* in Streamlit's own test harness, on a real index: what is asked, what is kept, and what can be taken back."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app import answers, confirm_view, state, view_models
from samekind.indexer.index import build_index
from tests.app.conftest import OpenApp
from tests.app.test_pages import brute_force, cards, healthy, shown
from tests.indexer.helpers import FakeEncoder, save_encoder

CONFIRM = "screens/confirm.py"


def build(folder: Path, *, labelled: bool = True, partly: bool = False) -> Path:
    """An index of 150 digits and an exact copy of one, by an encoder that needs no training; `partly` takes every second label away."""
    digits = sk.load_corpus("digits", limit=150)
    pixels, labels = digits.native_array, digits.labels
    assert pixels is not None
    assert labels is not None
    labels = [None if partly and i % 2 else label for i, label in enumerate(labels)]
    corpus = sk.Corpus.from_arrays(
        [*pixels, pixels[0]],
        [*labels, labels[0]] if labelled else None,
        [*digits.splits, "train"],
        name="digits",
        source=digits.source,
    )
    save_encoder(FakeEncoder(), folder, config={"objective": "hard", "temperature": 0.2, "beta": 1.0})
    build_index(corpus, FakeEncoder(), folder)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that every test copies."""
    return build(tmp_path_factory.mktemp("confirm") / "digits")


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """An artefact of its own: answers change it."""
    return shutil.copytree(built, tmp_path / "artefact")


def confirm(at: AppTest) -> AppTest:
    """The page."""
    return healthy(at.switch_page(CONFIRM).run())


def press(at: AppTest, words: str) -> AppTest:
    """The page after the button with these words."""
    (button,) = [button for button in at.button if button.label == words]
    return healthy(button.click().run())


def pair_shown(at: AppTest) -> tuple[str, str]:
    """The pair that the buttons are about."""
    (button,) = [button for button in at.button if button.label == "Same kind"]
    assert button.key is not None
    return confirm_view.pair_of(button.key.removeprefix("same "))


def test_the_question_is_the_most_informative_and_shows_no_label(open_app: OpenApp, folder: Path) -> None:
    """Anchor, negative and their neighbours are those of Python; neither class nor id nor figures are on them until they are asked for."""
    first = sk.acquire_pairs(sk.Index.open(folder), 1)[0]
    at = confirm(open_app(folder))
    assert pair_shown(at) == first.pair
    for role in ("anchor", "negative"):
        (card,) = cards(at, f"{role}_card")
        assert (card["heading"], card["lines"], card["pictures"][0]["alt"]) == (role.capitalize(), [], f"the {role}")
        own, other = (first.anchor_id, first.negative_id)[:: 1 if role == "anchor" else -1]
        nearest = [id_ for id_ in brute_force(folder, own)[0][:6] if id_ != other][:5]
        pictures = sk.Index.open(folder).thumbnails([own, *nearest])
        drawn = [*cards(at, f"{role}_card"), *cards(at, f"{role}_neighbours")]
        assert [c["pictures"][0]["image"] for c in drawn] == [view_models.data_uri(picture) for picture in pictures]
        assert all(not c["lines"] and not c["heading"] for c in drawn[1:])
    assert not any("probability" in caption.value for caption in at.caption)
    at.toggle(key="confirm_labels").set_value(True).run()
    assert cards(healthy(at), "anchor_card")[0]["lines"] == [first.anchor_label, first.anchor_id]
    assert cards(at, "negative_card")[0]["lines"] == [first.negative_label, first.negative_id]
    assert any("probability of one kind" in caption.value for caption in at.caption)
    assert pair_shown(at) == first.pair


def test_photos_are_shown_as_large_as_they_are(open_app: OpenApp, tmp_path: Path) -> None:
    """The two pictures are those of the files and not their thumbnails; where a file is gone, its thumbnail is shown."""
    photos, random = tmp_path / "photos", np.random.default_rng(0)
    photos.mkdir()
    for i in range(12):
        coarse = Image.fromarray(random.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        coarse.resize((300, 300)).save(photos / f"{i}.png")
    save_encoder(FakeEncoder(), tmp_path / "artefact", config={"objective": "hard", "temperature": 0.2, "beta": 1.0})
    index = build_index(sk.Corpus.from_folder(photos), FakeEncoder(), tmp_path / "artefact")
    first = sk.acquire_pairs(index, 1)[0]
    Path(index.row(first.negative_id)["uri"]).unlink()
    at = confirm(open_app(tmp_path / "artefact"))
    for role, expected in (
        ("anchor", index.picture(first.anchor_id)),
        ("negative", index.thumbnail(first.negative_id)),
    ):
        assert cards(at, f"{role}_card")[0]["pictures"][0]["image"] == view_models.data_uri(expected)
    assert index.picture(first.anchor_id) != index.thumbnail(first.anchor_id)


def test_an_answer_is_kept_with_who_when_and_why(open_app: OpenApp, folder: Path) -> None:
    """Every button adds its verdict on the pair that was shown; the note is for one answer; the history has the newest first."""
    table, at = sk.VerdictTable(folder), confirm(open_app(folder))
    at.text_input(key="confirm_who").set_value(" Ana ").run()
    asked = []
    for choice in confirm_view.CHOICES:
        at.text_input(key="confirm_note").set_value(f"why {choice.key}").run()
        asked.append(pair_shown(at))
        press(at, choice.words)
        if choice.verdict == confirm_view.WRONG_LABEL:
            assert len(table.all()) == 3, "not judged unseen"
            assert pair_shown(at) == asked[-1]
            assert cards(at, "anchor_card")[0]["lines"]
            press(at, confirm_view.WHOSE[0].words)
        assert at.text_input(key="confirm_note").value == ""
        assert not cards(at, "anchor_card")[0]["lines"]
    kept = table.all()
    assert [(v.pair, v.verdict, v.who, v.note) for v in kept] == [
        (pair, choice.verdict, "Ana", f"why {choice.key}")
        for pair, choice in zip(asked, confirm_view.CHOICES, strict=True)
    ]
    assert len(set(asked)) == 5
    history = cards(at, "history")
    assert [card["id"] for card in history] == [confirm_view.key_of(v.pair) for v in reversed(kept)]
    assert [card["heading"] for card in history] == [choice.words for choice in reversed(confirm_view.CHOICES)]
    assert all("Ana, 20" in card["lines"][-1] for card in history)
    assert [card["badges"][0]["text"] for card in history] == [f"why {n}" for n in "54321"]


@pytest.mark.parametrize("whose", confirm_view.WHOSE, ids=lambda whose: whose.verdict)
def test_a_wrong_label_is_the_anchors_or_the_negatives(
    open_app: OpenApp, folder: Path, whose: confirm_view.Choice
) -> None:
    """The verdict has the image with the wrong label as its anchor; the history names that label; undo asks as before."""
    first, second = sk.acquire_pairs(sk.Index.open(folder), 2)
    at = confirm(open_app(folder))
    press(at, "Wrong label")
    assert {"Same kind", "Different", "Unsure", "Duplicate"} <= {button.label for button in at.button}
    assert "Wrong label" not in {button.label for button in at.button}
    press(at, whose.words)
    asked = first.anchor_sha256, first.negative_sha256
    wrong, other = asked if whose.verdict == "anchor" else asked[::-1]
    (said,) = sk.VerdictTable(folder).all()
    assert (said.anchor_sha256, said.negative_sha256, said.verdict) == (wrong, other, "wrong_label")
    labels = (first.anchor_label, first.negative_label)[:: 1 if whose.verdict == "anchor" else -1]
    (card,) = cards(at, "history")
    assert card["lines"][0] == f"{labels[0]} (wrong) · {labels[1]}"
    assert card["pictures"][0]["alt"].endswith(f"{labels[0]} (wrong)")
    assert pair_shown(at) == second.pair
    assert "Wrong label" in {button.label for button in at.button}
    press(at, "Undo")
    assert pair_shown(at) == first.pair
    at.toggle(key="confirm_labels").set_value(True).run()
    assert cards(at, "anchor_card")[0]["lines"] == [first.anchor_label, first.anchor_id], "in the roles of the question"


def test_labels_that_are_shown_anyway_are_asked_about_as_well(open_app: OpenApp, folder: Path) -> None:
    """With the switch on, the press asks whose label is wrong and answers nothing yet; another answer stays possible."""
    at = confirm(open_app(folder))
    at.toggle(key="confirm_labels").set_value(True).run()
    asked = pair_shown(at)
    press(at, "Wrong label")
    assert sk.VerdictTable(folder).all() == []
    press(at, "Different")
    assert {pair: v.verdict for pair, v in sk.VerdictTable(folder).current().items()} == {asked: "different"}


def test_the_question_whose_label_is_wrong_can_be_put_aside(open_app: OpenApp, folder: Path) -> None:
    """U is then for that question and not for the answer before it; the pair stays, its labels hidden again."""
    at = press(confirm(open_app(folder)), "Same kind")
    before, asked = sk.VerdictTable(folder).all(), pair_shown(at)
    press(at, "Wrong label")
    assert "Undo" not in {button.label for button in at.button}
    press(at, "Back")
    assert (pair_shown(at), sk.VerdictTable(folder).all()) == (asked, before)
    assert {"Wrong label", "Undo"} <= {button.label for button in at.button}
    assert cards(at, "anchor_card")[0]["lines"] == []


def test_undo_appends_and_asks_again(open_app: OpenApp, folder: Path) -> None:
    """Taking an answer back leaves it in the table, withdrawn; its pair is shown again, and the one before can be taken back too."""
    table, at = sk.VerdictTable(folder), confirm(open_app(folder))
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


def test_two_tabs_are_asked_different_pairs_and_lose_nothing(open_app: OpenApp, folder: Path) -> None:
    """Each tab has its own question; what another has answered is passed over at once; all answers are in the table."""
    first = confirm(open_app(folder))
    second = confirm(open_app(folder))
    table = sk.VerdictTable(folder)
    asked = []
    for _ in range(3):
        assert pair_shown(first) != pair_shown(second)
        asked += [pair_shown(first), pair_shown(second)]
        press(first, "Different")
        press(second, "Unsure")
    assert [v.pair for v in table.all()] == asked
    assert len(set(asked)) == 6
    elsewhere = pair_shown(first)
    table.add([sk.Verdict(*elsewhere, "same", who="another machine")])
    assert pair_shown(healthy(first.run())) != elsewhere


def test_a_question_that_was_called_back_is_held(open_app: OpenApp, folder: Path) -> None:
    """Undone, a pair has no answer and is the first of every queue; only the tab that took it back is asked it."""
    first, second = confirm(open_app(folder)), confirm(open_app(folder))
    asked = pair_shown(first)
    press(first, "Same kind")
    press(first, "Undo")
    assert pair_shown(first) == asked
    press(second, "Unsure")
    assert pair_shown(second) != asked


def test_pairs_that_other_tabs_look_at_are_not_none(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where other people have the whole batch before them, the page says so; once one lets go, it is asked."""
    monkeypatch.setattr(answers, "BATCH", 2)
    tabs = [confirm(open_app(folder)) for _ in range(3)]
    late = tabs[2]
    assert any("before other people" in info.value for info in late.info)
    assert not [button for button in late.button if button.label == "Same kind"]
    desk = state._open(str(folder), *state._stamp(folder)).desk
    desk.take(("a", "b"), tabs[0].session_state["confirm_tab"])  # the first tab goes on to something else
    press(late, "Try again")
    assert pair_shown(late)
    assert not late.info


def test_when_all_is_answered_nothing_is_left(open_app: OpenApp, folder: Path) -> None:
    """A queue that is empty is not blamed on other people."""
    everything = sk.CandidatePool(sk.Index.open(folder)).acquire({}, 10_000)
    pairs = {(q.anchor_sha256, q.negative_sha256) for q in everything}
    table = sk.VerdictTable(folder)
    while pairs:
        table.add([sk.Verdict(*pair, "unsure") for pair in sorted(pairs)])
        left = sk.acquire_pairs(sk.Index.open(folder), 10_000)
        pairs = {(q.anchor_sha256, q.negative_sha256) for q in left}
    at = confirm(open_app(folder))
    assert [info.value for info in at.info] == ["No pair is left to ask about here."]


def test_answers_are_there_for_the_next_visitor(open_app: OpenApp, folder: Path) -> None:
    """A new session finds the answers, is not asked them again, and can take them back from the history."""
    at = confirm(open_app(folder))
    asked = pair_shown(at)
    press(at, "Same kind")
    new = confirm(open_app(folder))
    assert pair_shown(new) != asked
    assert [card["heading"] for card in cards(new, "history")] == ["Same kind"]
    assert cards(new, "history")[0]["action"] == "Undo"
    (bar,) = new.get("progress")
    assert "1 pair answered (1 same kind · 0 different" in bar.proto.text


def test_only_pairs_of_two_classes(open_app: OpenApp, folder: Path) -> None:
    """The sidebar's filter narrows the questions to pairs of the two classes."""
    index = sk.Index.open(folder)
    wanted = sk.acquire_pairs(index, 1, classes=("4", "9"))[0]
    at = confirm(open_app(folder))
    at.selectbox(key="confirm_first_class").set_value("9").run()
    at.selectbox(key="confirm_second_class").set_value("4").run()
    assert pair_shown(healthy(at)) == wanted.pair


def test_a_contradiction_is_shown_and_answered_again(open_app: OpenApp, folder: Path) -> None:
    """Two answers join a pair that a third calls different: all three are shown, and a new answer puts it right."""
    hashes = sorted(set(sk.Index.open(folder).rows.column("sha256")))[:3]
    chain = [sk.Verdict(a, b, "same") for a, b in itertools.pairwise(hashes)]
    torn = sk.Verdict(hashes[0], hashes[2], "different")
    table = sk.VerdictTable(folder)
    table.add([*chain, torn])
    at = confirm(open_app(folder))
    key = f"contradiction {confirm_view.key_of(torn.pair)}"
    assert [card["id"] for card in cards(at, key)] == [confirm_view.key_of(v.pair) for v in (torn, *chain)]
    assert {card["action"] for card in cards(at, key)} == {"Answer again"}
    assert any("that kind is left out" in caption.value for caption in at.caption)
    at.session_state["confirm_again"] = torn.pair
    assert pair_shown(healthy(at.run())) == torn.pair
    press(at, "Same kind")
    assert not shown(at, key)
    assert table.current()[torn.pair].verdict == "same"


def test_a_question_that_was_called_back_goes_with_its_image(open_app: OpenApp, folder: Path) -> None:
    """An image that has been removed in the meantime: the queue goes on, and no page breaks."""
    at = confirm(open_app(folder))
    at.session_state["confirm_again"] = ("0" * 64, "1" * 64)
    assert pair_shown(healthy(at.run()))


def test_enough_answers_lead_to_training(open_app: OpenApp, folder: Path) -> None:
    """From 20 answers of both kinds on the page names the command that trains with them."""
    found = list(sk.acquire_pairs(sk.Index.open(folder), 20))
    table = sk.VerdictTable(folder)
    given = [
        sk.Verdict(q.anchor_sha256, q.negative_sha256, "same" if i % 4 else "different") for i, q in enumerate(found)
    ]
    table.add(given[:19])
    assert not confirm(open_app(folder)).code
    table.add(given[19:])
    (code,) = confirm(open_app(folder)).code
    assert code.value.startswith("samekind train")
    assert code.value.endswith(f"--verdicts {folder}")


def test_an_answer_that_cannot_be_written_is_told_and_asked_again(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one line; the pair and the note are still there."""

    def full(self: sk.VerdictTable, verdicts: object) -> None:
        raise sk.ArtefactError("cannot write verdicts", hint="free some space")

    at = confirm(open_app(folder))
    asked = pair_shown(at)
    at.text_input(key="confirm_note").set_value("heel").run()
    monkeypatch.setattr(sk.VerdictTable, "add", full)
    (button,) = [button for button in at.button if button.label == "Different"]
    button.click().run()
    assert [error.value for error in at.error] == ["cannot write verdicts\n\nfree some space"]
    assert (pair_shown(at), at.text_input(key="confirm_note").value) == (asked, "heel")
    assert not shown(at, "history")


def test_without_labels_there_is_no_wrong_one(open_app: OpenApp, tmp_path: Path) -> None:
    """An unlabelled corpus is asked about as well; there is neither a label to show nor one to be wrong."""
    at = confirm(open_app(build(tmp_path / "unlabelled", labelled=False)))
    disabled = {button.label for button in at.button if button.disabled}
    assert disabled == {"Wrong label", "Undo"}
    assert not [toggle for toggle in at.toggle if toggle.key == "confirm_labels"]
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
    at = press(confirm(open_app(folder)), "Wrong label")
    able = {button.label for button in at.button if not button.disabled}
    anchor, negative = (choice.words for choice in confirm_view.WHOSE)
    assert (anchor in able, negative in able) == (
        labels[first.anchor_id] is not None,
        labels[first.negative_id] is not None,
    )


def test_answers_about_other_images_fill_no_bar(open_app: OpenApp, folder: Path) -> None:
    """They may have come by a CSV file from somebody with other images: nothing is learned from them here."""
    said = [sk.Verdict(f"{i:064x}", f"{i + 1:064x}", "same" if i % 4 else "different") for i in range(0, 60, 2)]
    sk.VerdictTable(folder).add(said)
    at = confirm(open_app(folder))
    assert not at.code
    assert any("are enough to be learned from" in caption.value for caption in at.caption)


def test_the_pool_is_made_once(open_app: OpenApp, folder: Path) -> None:
    """All visitors share one audit and one pool of candidates."""
    confirm(open_app(folder))
    library = state._open(str(folder), *state._stamp(folder))
    assert library.pool() is library.pool()
