from __future__ import annotations

import base64
import json
import queue
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.jobs import cluster_job, map_job
from samekind.app.jobs.job import Progress
from samekind.app.screens import map as map_page
from samekind.app.state import map_session
from samekind.app.view_models.map import columns, points
from samekind.app.widgets.map import canvas
from tests.app.conftest import OpenApp
from tests.app.pages import LABEL_PAIRS, cards, healthy, library, shown
from tests.indexer.adaptation.worlds import answered_world

MAP = "screens/map.py"


@pytest.fixture
def copied(artefact: Path, tmp_path: Path) -> Path:
    """A copy that may be written."""
    shutil.copytree(artefact, tmp_path / "copy")
    return tmp_path / "copy"


def on_map(at: AppTest) -> AppTest:
    """The page *Map*, drawn."""
    return healthy(at.switch_page(MAP).run())


def drawn(at: AppTest) -> dict[str, Any]:
    """What the canvas was given."""
    data: dict[str, Any] = json.loads(at.get_by_key("map").proto.json)
    return data


def test_the_map_is_made_once_and_kept(open_app: OpenApp, copied: Path) -> None:
    """The file lies in the artefact afterwards; the page shows a point and a class for each image."""
    at = on_map(open_app(copied))
    found = sk.read_map(sk.Index.open(copied))
    assert found is not None
    data = drawn(at)
    count = len(found.point_N2)
    assert data["count"] == count
    assert len(base64.b64decode(data["places"])) == 4 * count
    assert sorted(data["colours"]["names"]) == [str(n) for n in range(10)]
    assert sum(data["colours"]["counts"]) == count
    assert data["colours"]["rest"] == ""
    codes = np.frombuffer(base64.b64decode(data["codes"]), np.uint8)
    labels = sk.Index.open(copied).labels
    assert [data["colours"]["names"][code] for code in codes] == labels


@pytest.fixture
def slow_layout(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[sk.ImageMap | Exception], None]]:
    """Every map takes long, and is what this is called with in the end."""
    ends: queue.Queue[sk.ImageMap | Exception] = queue.Queue()

    def laid_out(index: sk.Index, progress: Progress) -> sk.ImageMap:
        with progress.task("Laying out", 4) as task:
            task.advance()
            end = ends.get(timeout=60)
        if isinstance(end, Exception):
            raise end
        return end

    monkeypatch.setattr(map_job, "read_or_made", laid_out)
    monkeypatch.setattr(map_job, "SKETCHED", 10)
    yield ends.put
    ends.put(sk.InputError("the test is over"))


def test_until_many_images_are_laid_out_there_is_a_sketch(
    open_app: OpenApp, copied: Path, slow_layout: Callable[[sk.ImageMap | Exception], None]
) -> None:
    """All points, by two principal components, under a bar; they can be picked; once the map is there it takes their place."""
    index = sk.Index.open(copied)
    made = sk.make_map(index)
    at = on_map(open_app(copied))
    (bar,) = at.get("progress")
    assert "a sketch, by two principal components" in bar.proto.text
    assert bar.proto.text.endswith("25 %")
    assert drawn(at)["places"] == points.packed(points.placed(sk.sketch_map(index)))
    at.session_state["map_picked"] = index.ids[3]
    assert drawn(healthy(at.run()))["picked"] == 3
    slow_layout(made)
    assert library(copied).map().wait(lambda share: None) is made
    assert drawn(healthy(at.run()))["places"] == points.packed(points.placed(made.point_N2))
    assert not at.get("progress")
    assert any("trustworthiness" in caption.value for caption in at.caption)


def test_a_layout_that_fails_under_its_sketch_says_why(
    open_app: OpenApp,
    copied: Path,
    slow_layout: Callable[[sk.ImageMap | Exception], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bar notices, and has the page drawn once more: with the reason, the sketch, and no bar that asks again and again. Whoever then
    has it drawn anew wants another try.
    """
    at = on_map(open_app(copied))
    sketched, job = drawn(at)["places_version"], library(copied).map()
    slow_layout(sk.ArtefactError("no room"))
    with pytest.raises(sk.ArtefactError, match="no room"):
        job.wait(lambda share: None)
    noted: list[Any] = []
    monkeypatch.setattr(map_session, "note_failed_layout", noted.append)
    monkeypatch.setattr(st, "rerun", lambda: noted.append("drawn again"))
    map_page._laying_out(job, "")
    assert noted == [job, "drawn again"]
    at.session_state["map_failed"] = job
    at.run()
    assert "no room" in at.error[0].value
    assert drawn(at)["places_version"] == sketched
    assert not at.get("progress")
    at.run()
    assert library(copied).map() is not job
    assert at.get("progress")


def test_a_line_around_points_that_lie_elsewhere_by_now_selects_nothing() -> None:
    """It was drawn on the sketch, and arrives when the map is there."""
    line = {"corners": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], "version": "sketch"}
    assert canvas.corners_here(line, "sketch") == line["corners"]
    assert canvas.corners_here(line, "map") is None


def test_a_folder_that_cannot_be_written_and_a_damaged_map_do_not_matter(
    open_app: OpenApp, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The map is made anew, and shown even if it cannot be kept."""
    (copied / "map.safetensors").write_bytes(b"nonsense")

    def refuse(self: sk.ImageMap, folder: Path) -> None:
        raise sk.ArtefactError("no room")

    monkeypatch.setattr(sk.ImageMap, "write", refuse)
    assert drawn(on_map(open_app(copied)))["count"] == len(sk.Index.open(copied))


def test_what_the_browser_has_is_not_sent_again(open_app: OpenApp, copied: Path) -> None:
    """Positions and colours are left out for the versions that it named, and pictures come for the rows that it asked for."""
    at = on_map(open_app(copied))
    data = drawn(at)
    at.session_state["map"] = {"have": [data["places_version"], data["codes_version"]], "wanted": [3, 999, "x", -1]}
    again = drawn(healthy(at.run()))
    assert (again["places"], again["codes"]) == ("", "")
    assert [(row, id_) for row, id_, _ in again["pictures"]] == [(3, sk.Index.open(copied).ids[3])]
    assert again["pictures"][0][2].startswith("data:image/")


def test_a_picked_image_shows_its_hardest_negatives(open_app: OpenApp, copied: Path) -> None:
    """Ten lines, the false ones marked on map and cards alike, the same that a search finds."""
    at = on_map(open_app(copied))
    index = library(copied).index
    at.session_state["map_picked"] = index.ids[7]
    healthy(at.run())
    wanted = [hit for hit in index.search_id(index.ids[7], 11).hits if hit.id != index.ids[7]][:10]
    tones = ["false" if hit.label == index.labels[7] else "plain" for hit in wanted]  # type: ignore[index]
    assert drawn(at)["picked"] == 7
    assert drawn(at)["lines"] == [[index.ids.index(hit.id), tone] for hit, tone in zip(wanted, tones, strict=True)]
    assert [card["tone"] for card in cards(at, "map_negatives")] == tones
    assert {"false", "plain"} == set(tones)
    at.button(key="map_search").click().run()
    assert at.session_state["query"].id == index.ids[7]


def test_selected_images_are_named_and_the_name_is_taken_back(open_app: OpenApp, copied: Path) -> None:
    """All of them, not only those that are shown; an exact copy shares the name of its content."""
    at = on_map(open_app(copied))
    ids = library(copied).index.ids
    at.session_state["map_selected"] = ids[:60]
    healthy(at.run())
    assert len(cards(at, "map_selection")) == 48
    assert len(np.unpackbits(np.frombuffer(base64.b64decode(drawn(at)["chosen"]), np.uint8)).nonzero()[0]) == 60
    at.button(key="map_basket").click().run()
    assert list(at.session_state["basket"]) == ids[:60]
    at.text_input(key=map_session.NAME).set_value("round ")
    next(button for button in at.button if "Give it to" in button.label).click().run()
    held = sk.LabelTable(copied).current()
    wanted = {sk.Index.open(copied).row(id_)["sha256"] for id_ in ids[:60]}
    assert {sha for sha, given in held.items() if [each.label for each in given] == ["round"]} == wanted
    at.selectbox(key="map_colour").set_value("Answers").run()
    assert drawn(at)["colours"]["names"] == [columns.ANSWERED, columns.NAMED]
    assert drawn(at)["colours"]["counts"][1] >= 60
    next(button for button in at.button if button.label == "Take it back").click().run()
    assert not sk.LabelTable(copied).current()


@pytest.mark.parametrize("by", ["Split", "Cluster", "Share of false negatives", "Suspicion of the label", "Answers"])
def test_colours_say_what_was_chosen(open_app: OpenApp, copied: Path, by: str) -> None:
    """Every image has a group or is grey, and the legend names all groups."""
    at = on_map(open_app(copied))
    at.selectbox(key="map_colour").set_value(by).run()
    colours = drawn(healthy(at))["colours"]
    assert colours["names"]
    assert sum(colours["counts"]) + colours["num_grey"] == len(sk.Index.open(copied))
    assert bool(colours["num_grey"]) == bool(colours["rest"])


def test_shares_of_false_negatives_are_those_of_the_audit(artefact: Path) -> None:
    """One image at a time, from its pairs; no label, no share."""
    report = library(artefact).index.audit(k=5)
    share_N = columns.false_shares(report)
    for row, id_ in enumerate(report.pairs.ids[:50]):
        assert share_N[row] == sum(bool(pair.false) for pair in report.pairs.of(id_)) / 5


def test_without_labels_there_is_a_map(open_app: OpenApp, unlabelled: Path) -> None:
    """Coloured by what there is; a picked image has lines, none of them false."""
    at = on_map(open_app(unlabelled))
    assert "Class" not in at.selectbox(key="map_colour").options
    at.session_state["map_picked"] = library(unlabelled).index.ids[0]
    healthy(at.run())
    assert {tone for _, tone in drawn(at)["lines"]} == {"plain"}
    assert shown(at, "map_negatives")


def test_a_single_vector_without_an_encoder_has_a_map(open_app: OpenApp, tmp_path: Path) -> None:
    """It can be picked, has no negatives, and a hostile name is shown as text on one line."""
    id_ = "<b>x</b>\n**y**"
    sk.index_vectors(np.ones((1, 4)), [id_], tmp_path / "one")
    at = on_map(open_app(tmp_path / "one"))
    at.session_state["map_picked"] = id_
    at.session_state["map"] = {"have": ["", ""], "wanted": [0]}
    healthy(at.run())
    assert (drawn(at)["picked"], drawn(at)["lines"]) == (0, [])
    assert drawn(at)["pictures"][0][1] == "<b>x</b>\\n**y**"


def test_an_adapted_index_is_shown_as_it_is_adapted(open_app: OpenApp, tmp_path: Path) -> None:
    """After another adaptation the map is another one, and is kept in place of the one before."""
    index = answered_world(tmp_path / "world")
    at = on_map(open_app(index.path))
    before = drawn(at)["places_version"]
    assert index.adapt().adapted
    healthy(at.run())
    assert "as people's answers have adapted it" in at.markdown[0].value
    assert drawn(at)["places_version"] != before
    kept = sk.read_map(sk.Index.open(index.path))
    assert kept is not None
    assert kept.adaptation is not None
    assert kept.adaptation[0] == 1


def test_selected_images_are_what_is_asked_about(open_app: OpenApp, copied: Path) -> None:
    """The button leads to the page; every image on its screens is one of them until all are asked about again."""
    at = on_map(open_app(copied))
    index = library(copied).index
    wanted = index.ids[20:32]
    at.session_state["map_selected"] = wanted
    healthy(at.run())
    healthy(at.button(key="map_ask").click().run())
    assert at.title[0].value == "Same or different?"
    contents = {index.row(id_)["sha256"] for id_ in wanted}
    screen = at.session_state["labeling_screens"].shown
    assert {screen.anchor.sha256, *(image.sha256 for image in screen.images)} <= contents
    (bar,) = at.get("progress")
    assert f"{len(contents)} images not seen yet" in bar.proto.text
    at.switch_page(LABEL_PAIRS).run()  # the harness does not follow by itself
    healthy(at.button(key="ask_about_all").click().run())
    assert at.session_state["labeling_screens"].shown == sk.acquire_screens(index, 1)[0]
    assert not any(button.key == "ask_about_all" for button in at.button)


def test_clusters_are_of_near_images() -> None:
    """Three heaps of different sizes, each cut into its own clusters, the largest first; a corpus of equal images is one."""
    rng = np.random.default_rng(0)
    heap_N = np.repeat([0, 1, 2], [80, 40, 20])
    vectors = np.eye(3, 16)[heap_N] + 0.02 * rng.normal(size=(140, 16))
    index = SimpleNamespace(adapted_vectors=lambda: vectors.astype(np.float32))
    code_N = cluster_job.clusters(index, Progress())  # type: ignore[arg-type]
    assert all(len(set(heap_N[code_N == code])) == 1 for code in set(code_N.tolist()))
    counts = np.bincount(code_N)
    assert (np.diff(counts.astype(int)) <= 0).all()
    assert len(counts) == cluster_job.CLUSTERS
    same = SimpleNamespace(adapted_vectors=lambda: np.ones((5, 4), np.float32) / 2)
    assert set(cluster_job.clusters(same, Progress()).tolist()) == {0}  # type: ignore[arg-type]
