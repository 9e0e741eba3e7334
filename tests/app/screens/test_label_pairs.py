"""Which pair the page *Same or different?* shows, and how: in Streamlit's own test harness, on a real index."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import samekind as sk
from samekind.app.state.labeling import labeling_session
from samekind.app.view_models.cards import data_uri
from samekind.indexer.audit import anchors, hardest
from samekind.indexer.index import build_index
from samekind.indexer.labeling import acquisition
from tests.app.conftest import OpenApp
from tests.app.labeling import label_pairs, pair_shown, press
from tests.app.pages import brute_force, cards, healthy, library
from tests.indexer.helpers import FakeEncoder, save_encoder


def test_the_pair_is_the_most_informative_and_shows_no_label(open_app: OpenApp, folder: Path) -> None:
    """Anchor, negative and their neighbours are those of Python; neither class nor id nor figures are on them until they are asked for."""
    first = sk.acquire_pairs(sk.Index.open(folder), 1)[0]
    at = label_pairs(open_app(folder))
    assert pair_shown(at) == first.pair
    for role in ("anchor", "negative"):
        (card,) = cards(at, f"{role}_card")
        assert (card["heading"], card["lines"], card["pictures"][0]["alt"]) == (role.capitalize(), [], f"the {role}")
        own, other = (first.anchor_id, first.negative_id)[:: 1 if role == "anchor" else -1]
        nearest = [id_ for id_ in brute_force(folder, own)[0][:6] if id_ != other][:5]
        pictures = sk.Index.open(folder).thumbnails([own, *nearest])
        drawn = [*cards(at, f"{role}_card"), *cards(at, f"{role}_neighbours")]
        assert [c["pictures"][0]["image"] for c in drawn] == [data_uri(picture) for picture in pictures]
        assert all(not c["lines"] and not c["heading"] for c in drawn[1:])
    assert not any("probability" in caption.value for caption in at.caption)
    assert any("is a guess until there are 20 answers" in caption.value for caption in at.caption)
    at.toggle(key="labeling_show_labels").set_value(True).run()
    assert cards(healthy(at), "anchor_card")[0]["lines"] == [first.anchor_label, first.anchor_id]
    assert cards(at, "negative_card")[0]["lines"] == [first.negative_label, first.negative_id]
    assert any("probability of the same kind" in caption.value for caption in at.caption)
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
    at = label_pairs(open_app(tmp_path / "artefact"))
    for role, expected in (
        ("anchor", index.picture(first.anchor_id)),
        ("negative", index.thumbnail(first.negative_id)),
    ):
        assert cards(at, f"{role}_card")[0]["pictures"][0]["image"] == data_uri(expected)
    assert index.picture(first.anchor_id) != index.thumbnail(first.anchor_id)


def test_two_tabs_show_different_pairs_and_lose_nothing(open_app: OpenApp, folder: Path) -> None:
    """Each tab has its own pair; what another has answered is passed over at once; all answers are in the table."""
    first = label_pairs(open_app(folder))
    second = label_pairs(open_app(folder))
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


def test_a_revisited_pair_is_leased(open_app: OpenApp, folder: Path) -> None:
    """Undone, a pair has no answer and is the first of every queue; only the tab that took it back shows it."""
    first, second = label_pairs(open_app(folder)), label_pairs(open_app(folder))
    asked = pair_shown(first)
    press(first, "Same kind")
    press(first, "Undo")
    assert pair_shown(first) == asked
    press(second, "Unsure")
    assert pair_shown(second) != asked


def test_pairs_that_other_tabs_show_are_not_none(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where other people have the whole batch before them, the page says so; a pair that one lets go is shown."""
    monkeypatch.setattr(labeling_session, "BATCH", 2)
    tabs = [label_pairs(open_app(folder)) for _ in range(3)]
    late = tabs[2]
    assert any("Other people" in info.value for info in late.info)
    assert not [button for button in late.button if button.label == "Same kind"]
    leases = library(folder).leases
    leases.acquire(("a", "b"), tabs[0].session_state["labeling_tab"])  # the first tab goes on to something else
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
        rest = sk.acquire_pairs(sk.Index.open(folder), 10_000)
        pairs = {(q.anchor_sha256, q.negative_sha256) for q in rest}
    at = label_pairs(open_app(folder))
    assert [info.value for info in at.info] == ["No pair is left to label here."]


def test_only_pairs_of_two_classes(open_app: OpenApp, folder: Path) -> None:
    """The sidebar's filter narrows the candidates to pairs of the two classes."""
    index = sk.Index.open(folder)
    wanted = sk.acquire_pairs(index, 1, classes=("4", "9"))[0]
    at = label_pairs(open_app(folder))
    at.selectbox(key="labeling_first_class").set_value("9").run()
    at.selectbox(key="labeling_second_class").set_value("4").run()
    assert pair_shown(healthy(at)) == wanted.pair


def test_a_revisited_pair_goes_with_its_image(open_app: OpenApp, folder: Path) -> None:
    """An image that has been removed in the meantime: the queue continues, and no page breaks."""
    at = label_pairs(open_app(folder))
    at.session_state["labeling_pairs"].revisited = ("0" * 64, "1" * 64)
    assert pair_shown(healthy(at.run()))


def test_the_pool_is_made_once(open_app: OpenApp, folder: Path) -> None:
    """All visitors share one audit and one pool of candidates."""
    label_pairs(open_app(folder))
    opened = library(folder)
    assert opened.pool() is opened.pool()


def test_pairs_of_a_large_index_come_while_more_are_found(
    open_app: OpenApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an audit; a queue that has come to its end is made again when there are more pairs."""
    for module in (anchors, hardest, acquisition):
        monkeypatch.setattr(module, "ALL_UP_TO", 5)
    *_, whole = sk.CandidatePool.growing(sk.Index.open(folder))
    none = copy(whole)
    monkeypatch.setattr(none, "acquire", lambda *_, **__: sk.CandidatePairs((), 0, 0))
    sign = threading.Event()

    def growing(index: Any, progress: Any) -> Iterator[Any]:
        yield none
        assert sign.wait(60)
        yield whole

    monkeypatch.setattr(sk.CandidatePool, "growing", growing)
    at = label_pairs(open_app(folder))
    assert any("No pair is left" in info.value for info in at.info)
    sign.set()
    library(folder).growing_pool().wait(lambda share: None)
    assert pair_shown(healthy(at.run())) == whole.acquire({}, 1, order="mixed")[0].pair
