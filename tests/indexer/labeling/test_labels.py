"""Labels that people give: kept by hash, each person's latest holds, and a CSV file carries them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.labeling.people.current_answers import read_link_constraints
from samekind.indexer.labeling.people.given_labels import GivenLabel, LabelTable
from samekind.indexer.labeling.people.label_csv import HEADER, export_labels, import_labels
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from tests.end_to_end.helpers import call, refused
from tests.indexer.adaptation.worlds import precision, world
from tests.indexer.labeling.test_verdicts import said, sha


def gave(image: int, label: str, who: str = "Ana", minute: int = 0) -> GivenLabel:
    """A label of 2026."""
    return GivenLabel(sha(image), label, who, f"2026-11-24T12:{minute:02d}:00+00:00")


def tiny(folder: Path, labels: Sequence[str | None] = (None,) * 6) -> sk.Index:
    """An index of as many images, `0.png` and so on, whose contents are `sha(0)` and so on."""
    count = len(labels)
    vectors = np.random.default_rng(0).normal(size=(count, 4))
    ids, hashes = [f"{n}.png" for n in range(count)], [sha(n) for n in range(count)]
    return sk.index_vectors(vectors, ids, folder, labels=labels, sha256=hashes)


def lines_of(file: Path) -> list[str]:
    """Its lines."""
    return file.read_text().splitlines()


def test_the_latest_label_of_each_person_holds(tmp_path: Path) -> None:
    """By time; those of others hold beside it, and who takes a label back has none."""
    table = LabelTable(tmp_path)
    assert (table.all(), table.current(), table.exists()) == ([], {}, False)
    table.add([gave(1, "tulip", minute=2), gave(1, "rose", minute=1), gave(1, "lily", "Ben"), gave(2, "rose")])
    table.add([gave(2, "", minute=1), gave(3, ""), gave(3, "rose", "Ben"), gave(3, "aster", "Ben")])
    assert LabelTable(tmp_path).current() == {
        sha(1): (gave(1, "tulip", minute=2), gave(1, "lily", "Ben")),
        sha(3): (gave(3, "rose", "Ben"), gave(3, "aster", "Ben")),
    }
    assert len(table.all()) == 8


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"sha256": "abc"}, "64 hex digits"),
        ({"label": " rose"}, "without blanks"),
        ({"label": "a\nb"}, "one line"),
        ({"when": "2026-11-24"}, "offset"),
    ],
)
def test_what_is_no_label(change: dict[str, str], complaint: str) -> None:
    """Refused with its value."""
    with pytest.raises(InputError, match=complaint):
        GivenLabel(**{"sha256": sha(1), "label": "rose", **change})


def test_a_file_goes_round(tmp_path: Path) -> None:
    """Any script, commas, labels that were replaced or taken back: the other artefact says the same, and twice changes nothing."""
    here, there = tiny(tmp_path / "here").path, tmp_path / "there"
    there.mkdir()
    given = [
        gave(0, "rose, red"),
        gave(0, "Röschen", minute=1),
        gave(1, "x", who='"B"'),
        gave(1, "", '"B"', 2),
        gave(9, "薔薇"),
    ]
    LabelTable(here).add(given)
    assert export_labels(here, tmp_path / "labels.csv") == 5
    assert lines_of(tmp_path / "labels.csv")[0] == "id,sha256,label,who,when"
    assert [line.partition(",")[0] for line in lines_of(tmp_path / "labels.csv")[1:]] == [
        "0.png",
        "1.png",
        "",
        "0.png",
        "1.png",
    ]
    first, second = (import_labels(there, tmp_path / "labels.csv") for _ in range(2))
    assert (first.added, first.kept, first.blank, first.gone, first.conflicts) == (5, 0, 0, None, ())
    assert (second.added, second.kept) == (0, 5)
    assert set(LabelTable(there).all()) == set(given)
    assert import_labels(here, tmp_path / "labels.csv").gone == 1


def test_a_file_by_hand(tmp_path: Path) -> None:
    """Ids are enough, lines that nobody filled in are skipped, and brought again it overrules no later label."""
    folder = tiny(tmp_path / "w").path
    (tmp_path / "hand.csv").write_text(
        "label,id\nrose,0.png\n tulip ,1.png\n,2.png\nrose,3.png\n", encoding="utf-8-sig"
    )
    done = import_labels(folder, tmp_path / "hand.csv")
    assert (done.added, done.kept, done.blank, done.gone) == (3, 0, 1, 0)
    given = LabelTable(folder).all()
    assert [(each.sha256, each.label, each.who) for each in given] == [
        (sha(0), "rose", ""),
        (sha(1), "tulip", ""),
        (sha(3), "rose", ""),
    ]
    assert len({each.when for each in given}) == 1
    assert given[0].when > "2026-11-24"
    LabelTable(folder).add([GivenLabel(sha(0), "lily")])
    again = import_labels(folder, tmp_path / "hand.csv")
    assert (again.added, again.kept) == (0, 3)
    assert [each.label for each in LabelTable(folder).current()[sha(0)]] == ["lily"]


def test_copies_of_one_image_under_two_names_are_a_conflict(tmp_path: Path) -> None:
    """In one file, by one person: neither line overrules the other."""
    folder = sk.index_vectors(np.eye(3), ["a", "b", "c"], tmp_path / "w", sha256=[sha(1), sha(1), sha(2)]).path
    (tmp_path / "f.csv").write_text("id,label\na,rose\nb,tulip\nc,rose\n")
    (conflict,) = import_labels(folder, tmp_path / "f.csv").conflicts
    assert (conflict.reason, conflict.images, conflict.names) == ("two_names", (sha(1),), ("rose", "tulip"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (",,rose,,", "line 3: it has neither sha256 nor id"),
        (",abc,rose,,", "line 3: sha256 must be 64 hex digits"),
        ("0.png,,rose,,yesterday", "line 3: when must be"),
        ("0.png,,rose,,9999-01-01T00:00:00+00:00", "line 3: .* is in the future"),
    ],
)
def test_one_wrong_line_adds_nothing(tmp_path: Path, line: str, complaint: str) -> None:
    """It is named, and the right line before it is not added either."""
    folder = tiny(tmp_path / "w").path
    (tmp_path / "f.csv").write_text(f"{','.join(HEADER)}\n1.png,,rose,,\n{line}\n")
    with pytest.raises(InputError, match=complaint):
        import_labels(folder, tmp_path / "f.csv")
    assert LabelTable(folder).all() == []


def test_ids_that_the_index_lacks_are_left_out_and_counted(tmp_path: Path) -> None:
    """The rest is added; a file of which nothing is known is refused."""
    folder = tiny(tmp_path / "w").path
    (tmp_path / "f.csv").write_text("id,label\n9.png,rose\n1.png,rose\n8.png,tulip\n9.png,tulip\n")
    done = import_labels(folder, tmp_path / "f.csv")
    assert (done.added, done.gone, done.unknown) == (1, 0, ("9.png", "8.png"))
    assert [(each.sha256, each.label) for each in LabelTable(folder).all()] == [(sha(1), "rose")]
    told = call("labels", "import", folder, tmp_path / "f.csv")
    assert "left out: 2 ids name no image of the index, for example '9.png'" in told.out
    (tmp_path / "f.csv").write_text("id,label\n9.png,rose\n8.png,\n")
    with pytest.raises(InputError, match=r"holds no image that .*f\.csv names: '9\.png'") as caught:
        import_labels(folder, tmp_path / "f.csv")
    assert caught.value.hint == "ids look like '0.png'"


def test_files_that_are_none(tmp_path: Path) -> None:
    """Columns that are missing, ids without an index, no artefact: one sentence each."""
    for header, missing in (("id,name", "no column label"), ("label,who", "no column sha256 or id")):
        (tmp_path / "f.csv").write_text(f"{header}\na,b\n")
        with pytest.raises(InputError, match=missing):
            import_labels(tmp_path, tmp_path / "f.csv")
    (tmp_path / "f.csv").write_text("id,label\n0.png,rose\n")
    with pytest.raises(InputError, match="no index that could tell which image '0"):
        import_labels(tmp_path, tmp_path / "f.csv")
    with pytest.raises(ArtefactError, match="does not exist"):
        export_labels(tmp_path / "nowhere", tmp_path / "out.csv")


def test_groups_leave_with_a_name_and_come_back_as_labels(tmp_path: Path) -> None:
    """What people named, else the majority of the corpus' labels, else a number; groups told apart have different names."""
    own = ["rose", "rose", "tulip", "rose", "rose", None, None, "lily", "lily", "rose", None]
    folder = tiny(tmp_path / "w", own).path
    joined = [said(0, 1), said(1, 2), said(3, 4), said(5, 6), said(7, 8), said(9, 10), said(2, 3, "different")]
    VerdictTable(folder).add(joined)
    LabelTable(folder).add([gave(7, "Lilie")])
    assert export_labels(folder, tmp_path / "groups.csv", groups=True) == 11
    found: dict[str, set[str]] = {}
    for id_, _, label, who, when in (line.split(",") for line in lines_of(tmp_path / "groups.csv")[1:]):
        assert (who, when) == ("", "")
        found.setdefault(label, set()).add(id_.removesuffix(".png"))
    (number,) = (label for label in found if label.startswith("group-"))
    assert found[number] == {"5", "6"}
    assert found["Lilie"] == {"7", "8"}
    roses = [members for label, members in found.items() if label.startswith("rose")]
    assert {frozenset(members) for members in roses} in (
        {frozenset("012") | {"9", "10"}, frozenset("34")},
        {frozenset("34") | {"9", "10"}, frozenset("012")},
    )
    done = import_labels(folder, tmp_path / "groups.csv")
    assert (done.added, done.conflicts) == (11, ())
    assert len(read_link_constraints(folder).must_link_groups) == len(found)


def test_trainings_and_adaptations_get_them(tmp_path: Path) -> None:
    """Names alone are answers enough for both, and held-out images gain."""
    with pytest.raises(ArtefactError, match="holds no verdicts"):
        read_link_constraints(tmp_path)
    index = world(tmp_path / "w")
    labels, hashes = index.labels or [], index.rows.column("sha256")
    train = [row for row, split in enumerate(index.splits) if split == "train"][:90]
    LabelTable(index.path).add([GivenLabel(hashes[row], str(labels[row]), "Ana") for row in train])
    constraints = read_link_constraints(index.path)
    assert len(constraints.must_link_groups) == 6
    assert sum(map(len, constraints.must_link_groups)) == 90
    assert not constraints.contradictions
    before = precision(sk.Index.open(index.path))
    report = sk.adapt(index.path)
    assert (report.adapted, report.groups, report.images, report.contradictions) == (True, 6, 90, 0)
    assert precision(sk.Index.open(index.path)) > before
    known = {hashes[row] for row in train}
    screens = sk.acquire_screens(sk.Index.open(index.path), count=30)
    asked = [(screen.anchor.sha256, image.sha256) for screen in screens for image in screen.images]
    assert not [pair for pair in asked if known.issuperset(pair)], "what names decide is not asked"


def test_the_command(tmp_path: Path) -> None:
    """In and out, conflicts with count and list, what adapt says of them, and what makes no sense."""
    folder, file = tiny(tmp_path / "w").path, tmp_path / "labels.csv"
    assert call("labels", "conflicts", folder).out == "no conflicts\n"
    assert "labels" not in call("verify", folder).out
    file.write_text("id,label,who\n0.png,rose,Ana\n1.png,rose,Ana\n2.png,tulip,Ana\n2.png,rose,Ben\n3.png,,\n")
    shown = call("labels", "import", folder, file)
    assert shown.code == 0
    assert shown.out.splitlines() == [
        "added 4 lines; 0 were there already",
        "skipped 1 line without a label",
        "1 conflict, left out:",
        "conflict   names        by        image  other image",
        "two names  rose, tulip  Ana, Ben  2.png            –",
    ]
    VerdictTable(folder).add([Verdict(sha(0), sha(1), "different")])
    answer = call("labels", "conflicts", folder, "--json").answer
    assert (answer["images"], answer["names"], len(answer["conflicts"])) == (0, 0, 2)
    assert answer["conflicts"][1]["ids"] == ["0.png", "1.png"] or answer["conflicts"][1]["ids"] == ["1.png", "0.png"]
    assert answer["conflicts"][1]["who"] == ["", "Ana"]
    assert call("labels", "conflicts", folder).out.startswith(
        "labels by people: 0 images, 0 names\n2 conflicts, left out:\n"
    )
    assert call("labels", "export", folder, file, "--json").answer == {"exported": 4, "hold": 4}
    assert call("labels", "import", folder, file, "--json").answer["kept"] == 4
    assert call("adapt", folder, "--json").answer["labels"] == {"images": 0, "names": 0, "conflicts": 2}
    adapted = call("adapt", folder).out.splitlines()
    assert adapted[-2:] == [
        "labels by people: 0 images, 0 names",
        "left out: 2 conflicts of labels, see samekind labels conflicts",
    ]
    assert any(line.split()[1] == "labels" for line in call("verify", folder).out.splitlines())
    assert "needs FILE.csv" in refused("labels", "export", folder)
    assert "takes no file" in refused("labels", "conflicts", folder, file)
    assert "--groups belongs to" in refused("labels", "import", folder, file, "--groups")
    assert "does not exist" in refused("labels", "conflicts", tmp_path / "nowhere")


def test_what_was_named_at_one_moment_is_taken_back(tmp_path: Path) -> None:
    """By that person only; an earlier name holds again, and a later one stays."""
    times = [f"2026-11-0{day}T00:00:00+00:00" for day in (1, 2, 3)]
    table = LabelTable(tmp_path)
    table.add(
        [
            GivenLabel(sha(0), "boot", "Ana", times[0]),
            *(GivenLabel(sha(image), "shoe", "Ana", times[1]) for image in range(3)),
            GivenLabel(sha(0), "shoe", "Ben", times[1]),
            GivenLabel(sha(2), "sandal", "Ana", times[2]),
        ]
    )
    assert [each.sha256 for each in table.take_back(times[1], "Ana")] == [sha(0), sha(1)]
    held = {image: {(each.who, each.label) for each in given} for image, given in table.current().items()}
    assert held == {sha(0): {("Ana", "boot"), ("Ben", "shoe")}, sha(2): {("Ana", "sandal")}}
    assert table.take_back(times[1], "Ana") == ()


def test_names_are_taken_back_one_after_another(tmp_path: Path) -> None:
    """A name that holds again is still that of its own moment."""
    times = [f"2026-11-0{day}T00:00:00+00:00" for day in (1, 2, 3)]
    table = LabelTable(tmp_path)
    table.add(
        [GivenLabel(sha(0), label, "Ana", when) for label, when in zip(("boot", "boot", "shoe"), times, strict=True)]
    )
    for when, left in zip(reversed(times), ("boot", "boot", None), strict=True):
        assert [each.when for each in table.take_back(when, "Ana")] == [when]
        assert [each.label for each in table.current().get(sha(0), ())] == ([] if left is None else [left])
    assert table.take_back(times[0], "Ana") == ()
