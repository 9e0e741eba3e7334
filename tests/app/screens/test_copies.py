"""The page *Clean up*, where copies have different labels or lie in different splits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.app.screens import curation
from samekind.app.view_models import copy_groups
from samekind.data.types.splits import Split
from tests.app.conftest import OpenApp
from tests.app.pages import cards, shown
from tests.app.screens.test_curation import opened, verdicts
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


@pytest.fixture(scope="module")
def conflicting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 is an exact copy of 8 under another label, 41 a darker one of 11 under another one; not to be changed."""
    pixels, labels = kinds(), [("Bag", "Coat", "Shirt")[i % 3] for i in range(60)]
    pixels[20], pixels[41] = pixels[8], (pixels[11] * 0.95).astype(np.uint8)
    labels[20], labels[41] = "Bag", "Coat"
    folder = tmp_path_factory.mktemp("conflicts") / "kinds"
    save_encoder(FakeEncoder(), folder)
    sk.build_index(sk.Corpus.from_arrays(list(pixels), labels, name="kinds"), FakeEncoder(), folder)
    return folder


def test_copies_with_different_labels_come_first_and_are_marked(open_app: OpenApp, conflicting: Path) -> None:
    """The exact pair and then the near one, each beside its copy; for equal files there is nothing to answer."""
    at, ids = opened(open_app, conflicting), sk.Index.open(conflicting).ids
    for (row, other), badge in (((8, 20), "EXACT COPY"), ((20, 8), "EXACT COPY"), ((11, 41), "NEAR COPY")):
        assert [each["text"] for each in cards(at, f"label issue {ids[row]}")[0]["badges"]] == [badge]
        assert cards(at, f"evidence {ids[row]}")[0]["id"] == ids[other]
    sentences = [caption.value for caption in at.caption]
    assert sum("very same file is also filed as" in each for each in sentences) == 2
    assert sum("same picture is also filed as" in each for each in sentences) == 2
    assert not any(button.key and ids[8] in button.key for button in at.button)
    assert any("**4** of them for a copy" in each.value for each in at.markdown)


@pytest.mark.parametrize(
    ("word", "expected", "said"), [("suggested", 11, "confirmed"), ("right_label", 41, "dismissed")]
)
def test_of_two_copies_one_is_wrong(
    open_app: OpenApp, conflicting: Path, tmp_path: Path, word: str, expected: int, said: str
) -> None:
    """That the label is right is `wrong_label` on the copy, beside neither of the two; Undo takes either back."""
    copy = shutil.copytree(conflicting, tmp_path / "copy")
    at, ids = opened(open_app, copy), sk.Index.open(copy).ids
    at.button(key=f"{word} {ids[11]}").click().run()
    ((anchor, beside, verdict),) = verdicts(copy)
    assert (anchor, verdict) == (ids[expected], "wrong_label")
    assert beside in {card["id"] for card in cards(at, f"evidence {ids[11]}")} - {ids[11], ids[41]}
    assert said in [each["text"] for each in cards(at, f"label issue {ids[11]}")[0]["badges"]]
    at.button(key=f"undo {ids[11]}").click().run()
    assert sk.VerdictTable(copy).current() == {}


@pytest.mark.parametrize("word", ["suggested", "right_label"])
@pytest.mark.parametrize("labels_first", [True, False])
def test_an_answer_about_a_copys_label_and_one_about_the_two_both_hold(
    open_app: OpenApp, conflicting: Path, tmp_path: Path, word: str, labels_first: bool
) -> None:
    """Whichever comes first: the list of label errors and that of duplicates show the same two images."""
    copy = shutil.copytree(conflicting, tmp_path / "copy")
    at, ids = opened(open_app, copy), sk.Index.open(copy).ids
    for which in (curation.LABELS, curation.DUPLICATES)[:: 1 if labels_first else -1]:
        at.segmented_control(key="which_list").set_value(which).run()
        key = f"{word} {ids[11]}" if which == curation.LABELS else f"duplicate {ids[11]} {ids[41]}"
        at.button(key=key).click().run()
    held = sorted(verdict.verdict for verdict in sk.VerdictTable(copy).current().values())
    assert held == ["duplicate", "wrong_label"]


def test_that_a_copy_differs_from_a_neighbour_can_be_taken_back(
    open_app: OpenApp, conflicting: Path, tmp_path: Path
) -> None:
    """`different` beside a neighbour of the copy's class says that the label is right: Undo withdraws it."""
    copy = shutil.copytree(conflicting, tmp_path / "copy")
    index = sk.Index.open(copy)
    issue = next(each for each in index.label_issues().issues if each.id == index.ids[11])
    near = next(each for each in issue.neighbours if each not in issue.copies)
    own, other = (index.row(id_)["sha256"] for id_ in (issue.id, near))
    sk.VerdictTable(copy).add([sk.Verdict(own, other, "different")])
    at = opened(open_app, copy)
    assert "dismissed" in [each["text"] for each in cards(at, f"label issue {issue.id}")[0]["badges"]]
    at.button(key=f"undo {issue.id}").click().run()
    assert sk.VerdictTable(copy).current() == {}


def test_duplicates_are_groups_with_their_splits_said(open_app: OpenApp, tmp_path: Path) -> None:
    """Three copies of one picture, one of them a test image, are one group with one answer for all; a pair stays a pair."""
    pixels, folder = kinds(), tmp_path / "copies"
    pixels[20], pixels[50] = (pixels[8] * 0.95).astype(np.uint8), (pixels[8] * 0.9).astype(np.uint8)
    pixels[41] = (pixels[11] * 0.95).astype(np.uint8)
    splits: list[Split] = ["train" if row < 50 else "test" for row in range(60)]
    save_encoder(FakeEncoder(), folder)
    index = sk.build_index(sk.Corpus.from_arrays(list(pixels), None, splits, name="kinds"), FakeEncoder(), folder)
    at, ids = opened(open_app, folder, curation.DUPLICATES), index.ids
    found = index.duplicates()
    assert {(pair.a, pair.b) for pair in found.pairs} >= {(ids[8], ids[50]), (ids[11], ids[41])}
    crossing = sum(pair.a_split != pair.b_split for pair in found.pairs)
    many = len(components([(pair.a, pair.b) for pair in found.pairs]))
    assert f"in **{many} groups**, the largest of 3 images. **{crossing}** of these pairs" in at.markdown[0].value
    key = next(pair.a for pair in found.pairs if ids[8] in (pair.a, pair.b) or ids[50] in (pair.a, pair.b))
    shown_cards = cards(at, f"group {key}")
    assert {card["id"] for card in shown_cards} == {ids[8], ids[20], ids[50]}
    assert sorted(card["badges"][0]["text"] for card in shown_cards) == ["TEST", "TRAIN", "TRAIN"]
    assert any("**3 images**" in caption.value and "**In test and train.**" in caption.value for caption in at.caption)
    assert shown(at, f"pair {ids[11]} {ids[41]}")
    at.button(key=f"duplicate group {key}").click().run()
    told = {frozenset(each[:2]) for each in verdicts(folder)}
    assert told == {frozenset((p.a, p.b)) for p in found.pairs if {p.a, p.b} <= {ids[8], ids[20], ids[50]}}
    assert len(told) > 1
    assert {each[2] for each in verdicts(folder)} == {"duplicate"}
    at.toggle(key="hide_answered").set_value(True).run()
    assert not shown(at, f"group {key}")
    at.toggle(key="hide_answered").set_value(False).run()
    at.button(key=f"withdrawn group {key}").click().run()
    assert sk.VerdictTable(folder).current() == {}


def test_groups_are_the_connected_components() -> None:
    """As a graph search finds them, whatever the order of the pairs; the surest pair comes first, in its group and among groups."""
    random = np.random.default_rng(0)
    for _ in range(20):
        ends = random.integers(0, 30, (25, 2))
        ends = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
        pairs = [sk.Duplicate(str(a), str(b), "near", 1, 1) for a, b in random.permutation(ends).tolist()]
        graph = components([(pair.a, pair.b) for pair in pairs])
        groups = copy_groups.grouped(pairs)
        assert {frozenset(group.images) for group in groups} == graph
        assert all(len(set(group.images)) == len(group.images) for group in groups)
        assert sorted((pair for group in groups for pair in group.pairs), key=pairs.index) == pairs
        assert [pairs.index(group.pairs[0]) for group in groups] == sorted(pairs.index(g.pairs[0]) for g in groups)


def components(links: list[tuple[str, str]]) -> set[frozenset[str]]:
    """Connected components by walking from every image."""
    found = set()
    for start in {end for link in links for end in link}:
        reached = {start}
        while more := {end for link in links if reached & set(link) for end in link} - reached:
            reached |= more
        found.add(frozenset(reached))
    return found


def test_leaks_are_a_list_of_their_own(open_app: OpenApp, tmp_path: Path) -> None:
    """A test image that is a training image, too, with a button for each answer; without any, one line says so."""
    pixels = kinds()
    pixels[50] = (pixels[11] * 0.95).astype(np.uint8)
    splits: list[Split] = ["train" if row < 40 else "test" for row in range(60)]
    for name, known in (("leaking", splits), ("one split", None)):
        save_encoder(FakeEncoder(), tmp_path / name)
        sk.build_index(sk.Corpus.from_arrays(list(pixels), None, known, name="kinds"), FakeEncoder(), tmp_path / name)
    at, ids = opened(open_app, tmp_path / "leaking", curation.LEAKS), sk.Index.open(tmp_path / "leaking").ids
    (card,) = cards(at, f"pair {ids[11]} {ids[50]}")
    assert (card["heading"], [each["text"] for each in card["badges"]]) == (
        "same picture, other file",
        ["TRAIN / TEST"],
    )
    assert "a training image and one of another split" in at.markdown[0].value
    at.button(key=f"duplicate {ids[11]} {ids[50]}").click().run()
    assert verdicts(tmp_path / "leaking") == [(ids[11], ids[50], "duplicate")]
    at = opened(open_app, tmp_path / "one split", curation.LEAKS)
    assert any("No picture of the training split" in info.value for info in at.info)
