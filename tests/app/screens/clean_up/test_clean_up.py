"""What the page *Clean up* decides: the right label by button, many at once from a threshold on, undo, and the file that says it."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.app.screens import curation
from samekind.app.state.labeling import cleaning_session
from samekind.app.view_models.clean_up import threshold
from tests.app.conftest import OpenApp
from tests.app.screens.clean_up.test_curation import build, opened, verdicts
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two wrong labels, an exact and a near copy; not to be changed."""
    return build(tmp_path_factory.mktemp("clean") / "kinds")


def names(path: Path) -> dict[str, str]:
    """The labels that people gave, by id; all of them."""
    index = sk.Index.open(path)
    id_of = dict(zip(index.rows.column("sha256"), index.ids, strict=True))
    return {
        id_of[sha256]: " / ".join(given.label for given in held)
        for sha256, held in sk.LabelTable(path).current().items()
    }


def table(path: Path) -> dict[str, dict[str, str]]:
    """The CSV file of the label errors, by id."""
    text = sk.Index.open(path).label_issues().to_csv()
    return {line["id"]: line for line in csv.DictReader(io.StringIO(text))}


def test_the_right_label_is_picked_and_taken_back(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """Suggested: wrong, and the name of what is right. Kept: right. None of these: wrong alone. The file says so; undo leaves nothing."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    assert len({first.suggested, first.label, *first.others}) == 3, "each class once"
    at = opened(open_app, copy)
    at.button(key=f"suggested {first.id}").click().run()
    assert names(copy) == {first.id: first.suggested}
    assert verdicts(copy)[-1] == (first.id, first.neighbours[0], "wrong_label")
    at.button(key=f"wrong_label {other.id}").click().run()
    assert names(copy) == {first.id: first.suggested}
    found = table(copy)
    assert (found[first.id]["confirmed"], found[first.id]["decided"]) == ("True", first.suggested)
    assert (found[other.id]["confirmed"], found[other.id]["decided"]) == ("True", "")
    for issue in (first, other):
        at.button(key=f"undo {issue.id}").click().run()
    assert names(copy) == {}
    assert sk.VerdictTable(copy).current() == {}
    at.button(key=f"right_label {other.id}").click().run()
    assert table(copy)[other.id]["decided"] == other.label
    at.button(key=f"pick 3 {first.id}").click().run()
    assert names(copy) == {first.id: first.others[0]}


def test_keys_answer_the_first_open_one_or_the_one_that_is_chosen(
    open_app: OpenApp, listed: Path, tmp_path: Path
) -> None:
    """1, 2, 3 and 0 are on one issue only; U and S stand above the list."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    at = opened(open_app, copy)

    def keys() -> dict[str, str]:
        return {button.key or "": button.proto.shortcut for button in at.button if button.proto.shortcut}

    kinds_of = {"suggested": "1", "right_label": "2", "pick 3": "3", "wrong_label": "0"}

    def of(id_: str) -> dict[str, str]:
        answers = {f"{word} {id_}": key for word, key in kinds_of.items()}
        return answers | {"undo last labels": "u", f"skip labels {id_}": "s"}

    assert keys() == of(first.id)
    at.button(key=f"choose {other.id}").click().run()
    assert keys() == of(other.id)
    at.button(key=f"skip labels {other.id}").click().run()
    assert keys() == of(first.id)
    at.button(key=f"suggested {first.id}").click().run()
    assert keys() == of(other.id), "what was skipped comes again when nothing else is left"


def test_many_labels_at_once_and_back(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """From the threshold on all open ones get the suggested label; one alone can be taken back, or all; a name by hand stays."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    first, other = index.label_issues().issues
    own = index.row(other.id)["sha256"]
    sk.LabelTable(copy).add([sk.GivenLabel(own, "Boot", who="ann")])
    at = opened(open_app, copy)
    at.slider(key="threshold labels").set_value(threshold.ends([first.score, other.score])[0]).run()
    assert at.button(key="batch labels").label == "Give 2 images the suggested label"
    at.button(key="batch labels").click().run()
    assert "answered one" not in at.markdown[0].value, "nobody has looked at them: that is no estimate"
    assert names(copy) == {first.id: first.suggested, other.id: "Boot"}
    assert at.button(key="batch labels").disabled
    notes = {verdict.note for verdict in sk.VerdictTable(copy).current().values()}
    assert notes == {f"{cleaning_session.BATCH}: suspicion {at.slider(key='threshold labels').value:.3f}"}
    at.button(key=f"undo {first.id}").click().run()
    assert names(copy) == {other.id: "Boot"}
    assert at.button(key="undo batch labels").label == "Undo the last 1 at once"
    at.button(key="batch labels").click().run()
    at.button(key="undo batch labels").click().run()
    at.button(key="undo batch labels").click().run()
    assert sk.VerdictTable(copy).current() == {}
    assert names(copy) == {other.id: "Boot"}


def test_many_duplicates_at_once_and_back(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """The near pairs from the threshold on are the same picture; the file says which verdict each has."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    ids = sk.Index.open(copy).ids
    at = opened(open_app, copy, curation.DUPLICATES)
    at.slider(key="threshold duplicates").set_value(0.93).run()
    at.button(key="batch duplicates").click().run()
    assert (ids[11], ids[41], "duplicate") in verdicts(copy)
    found = list(csv.DictReader(io.StringIO(sk.Index.open(copy).duplicates().to_csv())))
    assert {(line["b"], line["decided"]) for line in found} >= {(ids[20], ""), (ids[41], "duplicate")}
    at.button(key="undo batch duplicates").click().run()
    assert sk.VerdictTable(copy).current() == {}


def test_the_same_picture_keeps_what_was_said_of_a_label(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """That a label is wrong, told beside the other copy, moves to another neighbour with its time and author."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    index = sk.Index.open(copy)
    a, b = (index.row(index.ids[row])["sha256"] for row in (11, 41))
    said = sk.Verdict(b, a, "wrong_label", who="ann", note="collar", when="2026-11-20T10:00:00+00:00")
    sk.VerdictTable(copy).add([said])
    at = opened(open_app, copy, curation.DUPLICATES)
    at.button(key=f"duplicate {index.ids[11]} {index.ids[41]}").click().run()
    current = sk.VerdictTable(copy).current()
    assert current[said.pair].verdict == "duplicate"
    (moved,) = [each for each in current.values() if each.verdict == "wrong_label"]
    assert moved == replace(said, negative_sha256=moved.negative_sha256)
    at.button(key=f"undo {index.ids[11]} {index.ids[41]}").click().run()
    assert list(sk.VerdictTable(copy).current().values()) == [moved]


def test_copies_of_two_labels_and_answered_ones_are_never_selected() -> None:
    """Of copies the score does not say which of the two is wrong."""
    plain = sk.LabelIssue("a", "x", "y", "embedding", 0.9, 0.1, 0.9, (), ("n",))
    others = [replace(plain, copies=("c",)), replace(plain, confirmed=False), replace(plain, score=0.5)]
    assert threshold.selected_issues([plain, *others], 0.8) == [plain]
    pair = sk.Duplicate("a", "b", "near", 0.95, 0.9)
    rest = [replace(pair, kind="exact"), replace(pair, confirmed=True), replace(pair, score=0.93)]
    assert threshold.selected_pairs([pair, *rest], 0.94) == [pair]


def test_the_histogram_counts_every_entry_once() -> None:
    """Above and below together are all; the slider reaches all of them, also where all scores are equal."""
    scores = np.random.default_rng(0).uniform(0.4, 1, 200).tolist()
    figure = threshold.histogram(scores, 0.8, "suspicion")
    above, below = (sum(bar.y) for bar in figure.data)
    assert (above, above + below) == (sum(score >= 0.8 for score in scores), 200)
    low, high = threshold.ends(scores)
    assert low <= min(scores) < max(scores) <= high
    assert sum(score >= threshold.first(scores) for score in scores) == pytest.approx(20, abs=2)
    for equal in ([1.0, 1.0], [0.95]):
        low, high = threshold.ends(equal)
        assert low < high
        assert low <= threshold.first(equal) <= high


def test_no_duplicates_are_said_to_be_none(open_app: OpenApp, tmp_path: Path) -> None:
    """One line, and no histogram."""
    save_encoder(FakeEncoder(), tmp_path)
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, kinds(9).shape, dtype=np.uint8)
    sk.build_index(sk.Corpus.from_arrays(list(pixels), name="noise"), FakeEncoder(), tmp_path)
    at = opened(open_app, tmp_path, curation.DUPLICATES)
    assert [info.value for info in at.info] == ["No duplicates found."]
