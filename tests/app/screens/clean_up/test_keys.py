"""The keys of *Clean up*: one entry has them, and U takes back the last answer of the list where it was given."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.screens import curation
from samekind.app.state.labeling import cleaning_session
from samekind.app.state.labeling.cleaning_keys import DUPLICATES, LABELS, LEAKS, Work
from samekind.app.state.library import Library
from samekind.data.types.splits import Split
from tests.app.conftest import OpenApp
from tests.app.screens.clean_up.test_curation import build, opened, verdicts
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder

COPIES = ((11, 41), (12, 43))
"""Near copies, of the splits `train` and `test`."""


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two wrong labels, an exact and a near copy; not to be changed."""
    return build(tmp_path_factory.mktemp("keys") / "kinds")


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """Two pairs that are duplicates and leaks, and a group of three copies of the split `train`."""
    pixels = np.random.default_rng(3).integers(0, 256, kinds().shape, dtype=np.uint8)
    for (row, copy), light in zip((*COPIES, (2, 23), (2, 26)), (0.95, 0.9, 0.95, 0.9), strict=True):
        pixels[copy] = (pixels[row] * light).astype(np.uint8)
    save_encoder(FakeEncoder(), tmp_path / "leaky")
    splits: list[Split] = ["test" if row in (41, 43) else "train" for row in range(60)]
    sk.build_index(sk.Corpus.from_arrays(list(pixels), None, splits, name="kinds"), FakeEncoder(), tmp_path / "leaky")
    return tmp_path / "leaky"


def keys(at: AppTest) -> dict[str, str]:
    """The buttons that have a key, by it."""
    return {button.proto.shortcut: button.key or "" for button in at.button if button.proto.shortcut}


def captions(at: AppTest) -> str:
    """All small print of the page."""
    return "\n".join(caption.value for caption in at.caption)


def test_u_takes_back_an_answer_whose_issue_is_not_shown(open_app: OpenApp, listed: Path, tmp_path: Path) -> None:
    """And says which it was; what was answered before it is next."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    first, other = sk.Index.open(copy).label_issues().issues
    at = opened(open_app, copy)
    at.button(key=f"suggested {first.id}").click().run()
    at.toggle(key="hide_answered").set_value(True).run()
    assert f"undo {first.id}" not in {button.key for button in at.button}, "its own button is not there"
    at.button(key=f"suggested {other.id}").click().run()
    assert keys(at)["u"] == f"undo last {LABELS}"
    for issue, left in ((other, 1), (first, 0)):
        at.button(key=f"undo last {LABELS}").click().run()
        assert f"Taken back: {issue.label} → {issue.suggested}?" in captions(at).replace("\\", "")
        assert len(sk.VerdictTable(copy).current()) == left
    assert at.button(key=f"undo last {LABELS}").disabled


def test_duplicates_have_keys(open_app: OpenApp, leaky: Path) -> None:
    """The group first, then the pairs, one at a time; skipping passes over one, and U takes the last answer back."""
    ids = sk.Index.open(leaky).ids
    group, (first, second) = ids[2], [f"{ids[a]} {ids[b]}" for a, b in COPIES]

    def answers(entry: str) -> dict[str, str]:
        bar = {"u": f"undo last {DUPLICATES}", "s": f"skip {DUPLICATES} {entry.removeprefix('group ')}"}
        return {"1": f"duplicate {entry}", "2": f"same {entry}", "3": f"different {entry}"} | bar

    at = opened(open_app, leaky, curation.DUPLICATES)
    assert keys(at) == answers(f"group {group}")
    at.button(key=keys(at)["1"]).click().run()
    assert {verdict for *_, verdict in verdicts(leaky)} == {"duplicate"}
    assert {*keys(at).values()} in ({*answers(first).values()}, {*answers(second).values()})
    skipped = at.button(key=keys(at)["s"]).key or ""
    at.button(key=skipped).click().run()
    now = keys(at)["2"].removeprefix("same ")
    assert {now, skipped.removeprefix(f"skip {DUPLICATES} ")} == {first, second}
    before = sk.VerdictTable(leaky).current()
    at.button(key=keys(at)["2"]).click().run()
    assert len(sk.VerdictTable(leaky).current()) == len(before) + 1
    at.button(key=keys(at)["u"]).click().run()
    assert f"Taken back: {now.replace(' ', ' and ')}" in captions(at).replace("\\", "")
    assert sk.VerdictTable(leaky).current() == before
    at.button(key=keys(at)["u"]).click().run()
    assert sk.VerdictTable(leaky).current() == {}, "all of the group is one answer"


def test_undo_belongs_to_the_list_where_it_was_answered(open_app: OpenApp, leaky: Path) -> None:
    """What was done in *Duplicates*, by one press or many at once, *Leaks* does not offer to undo, and the other way round."""
    at = opened(open_app, leaky, curation.DUPLICATES)
    at.slider(key=f"threshold {DUPLICATES}").set_value(0.93).run()
    at.button(key=f"batch {DUPLICATES}").click().run()
    batch = f"undo batch {DUPLICATES}"
    assert batch in {button.key for button in at.button}
    at.segmented_control(key="which_list").set_value(curation.LEAKS).run()
    assert not [button.key for button in at.button if (button.key or "").startswith(("undo batch", "undo last"))]
    index = sk.Index.open(leaky)
    a, b = (index.row(index.ids[row])["sha256"] for row in COPIES[0])
    sk.VerdictTable(leaky).add([sk.Verdict(a, b, "withdrawn")])
    at.run().button(key=f"batch {LEAKS}").click().run()
    assert at.button(key=f"undo batch {LEAKS}").label == "Undo the last 1 at once"
    at.segmented_control(key="which_list").set_value(curation.DUPLICATES).run()
    assert at.button(key=batch).label.startswith("Undo the last ")
    at.button(key=batch).click().run()
    (left,) = sk.VerdictTable(leaky).current().values()
    assert left.pair == (min(a, b), max(a, b)), "what was answered among the leaks stays"


def test_answers_to_many_of_before_belong_to_duplicates(leaky: Path) -> None:
    """Their notes name no list; every pair is among the duplicates."""
    index = sk.Index.open(leaky)
    a, b = (index.row(index.ids[row])["sha256"] for row in COPIES[0])
    sk.VerdictTable(leaky).add([sk.Verdict(a, b, "duplicate", note=f"{cleaning_session.BATCH}: agreement 0.930")])
    library = Library(index)
    assert [len(cleaning_session.last_batch(library, which)) for which in (LABELS, DUPLICATES, LEAKS)] == [0, 1, 0]


def test_undo_leaves_what_somebody_else_has_said_since(leaky: Path) -> None:
    """The answer of this tab holds no more; the one before it is taken back instead."""
    index = sk.Index.open(leaky)
    library = Library(index)
    pairs = [sk.Duplicate(index.ids[a], index.ids[b], "near", 0.95, 0.9) for a, b in COPIES]
    for pair in pairs:
        cleaning_session.answer_pairs(library, [pair], "duplicate")
    a, b = (index.row(index.ids[row])["sha256"] for row in COPIES[1])
    sk.VerdictTable(leaky).add([sk.Verdict(a, b, "different", who="ann")])
    cleaning_session.undo_last(library, DUPLICATES)
    assert [each.who for each in sk.VerdictTable(leaky).current().values()] == ["ann"]


def test_what_was_skipped_comes_again_in_that_order() -> None:
    """As long as anything else is open, it does not."""
    work = Work()
    work.skip("a")
    assert work.current(["a", "b"]) == "b"
    work.skip("b")
    assert work.current(["a", "b"]) == "a"
    work.skip("a")
    assert work.current(["a", "b"]) == "b"
    assert work.current([]) is None


@pytest.mark.parametrize("verdict", ["wrong_label", "right_label"])
def test_u_leaves_what_somebody_else_has_said_since(
    open_app: OpenApp, listed: Path, tmp_path: Path, verdict: str
) -> None:
    """Another person took the answer back, and gave one of their own."""
    copy = shutil.copytree(listed, tmp_path / "copy")
    issue = sk.Index.open(copy).label_issues().issues[0]
    at = opened(open_app, copy)
    at.button(key=f"suggested {issue.id}").click().run()
    table = sk.VerdictTable(copy)
    (given,) = table.current().values()
    own, beside = given.anchor_sha256, given.negative_sha256
    table.add([sk.Verdict(own, beside, "withdrawn", "Ben")])
    other = beside if verdict == "wrong_label" else own
    table.add([sk.Verdict(own, other, verdict, "Ben")])
    at.run()
    at.button(key=f"undo last {LABELS}").click().run()
    held = [*table.current().values(), *table.right_labels().values()]
    assert [(each.who, each.verdict) for each in held] == [("Ben", verdict)]
