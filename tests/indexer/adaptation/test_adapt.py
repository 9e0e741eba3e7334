"""Adapting an index: searches find more, nothing else changes, and every step can be taken back or interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.labeling.verdicts import WITHDRAWN, Verdict, VerdictTable
from samekind.indexer.storage.layout import EARLIER_ADAPTATIONS
from tests.indexer.adaptation.worlds import adapted_files, answered_world, answers, precision, vectors_of, world
from tests.indexer.builds import Lines


def test_searches_find_more_and_everything_else_stays(folder: Path) -> None:
    """The vectors of the encoder, the table, and searches without the adaptation."""
    index = sk.Index.open(folder)
    vectors, before, state = index.vectors(), precision(index), (folder / "manifest.json").read_bytes()
    assert index.adaptation is None
    report = index.adapt()
    assert report.adapted
    assert precision(index) > before + 0.03
    assert precision(index, adapted=False) == before
    np.testing.assert_array_equal(index.vectors(), vectors)
    assert (folder / "manifest.json").read_bytes() == state
    assert sk.verify(folder).ok
    assert index.search(index.ids[0], 3).adaptation == 1
    assert index.search(index.ids[0], 3, adapted=False).adaptation is None
    assert index.manifest["adaptation"]["version"] == 1
    assert precision(sk.Index.open(folder)) == precision(index)


def test_an_image_of_a_group_finds_itself_first(folder: Path) -> None:
    """By its id: as a query it lies where it lies as an image. Its bare vector is no image of the group."""
    index = sk.Index.open(folder)
    index.adapt()
    assert index.adaptation is not None
    member = next(id_ for id_ in index.ids if index.row(id_)["sha256"] in index.adaptation.groups)
    first = index.search(member, 2)[0]
    assert first.id == member
    assert first.similarity == pytest.approx(1, abs=1e-6)
    assert member not in [hit.id for hit in index.search(member, 5, exclude_self=True)]
    bare = index.search(index.vectors(np.array([index.ids.index(member)]))[0], len(index))
    assert next(hit for hit in bare if hit.id == member).similarity < 1 - 1e-4
    mixed = index.search(sk.Mix(member), len(index))  # one part alone says no more than its vector
    assert [hit.similarity for hit in mixed] == pytest.approx([hit.similarity for hit in bare], abs=1e-6)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (lambda given: [], "nobody has answered yet"),
        (lambda given: [v for v in given if v.verdict == "different"], "says same"),
        (lambda given: [v for v in given if v.verdict == "same"][:1], "too few answers: 0 groups"),
        (
            lambda given: [v for v in given if v.anchor_sha256 == given[0].anchor_sha256],
            "too few answers: 1 group of 3",
        ),
    ],
)
def test_answers_that_teach_too_little_leave_the_index_as_it_is(
    tmp_path: Path, said: Callable[[list[Verdict]], list[Verdict]], message: str
) -> None:
    """One line says why."""
    index = world(tmp_path / "w")
    VerdictTable(index.path).add(said(answers(index)))
    before = precision(index)
    report = index.adapt()
    assert not report.adapted
    assert message in report.message
    assert report.version is None
    assert precision(index) == before
    assert adapted_files(index.path) == set()


def test_answers_that_are_mostly_wrong_are_not_followed(tmp_path: Path) -> None:
    """Held-out answers do not gain by them. An adaptation that stands already stays."""
    index = answered_world(tmp_path / "w")
    index.adapt()
    before = precision(index)
    random = np.random.default_rng(7)
    sha256 = index.rows.column("sha256")
    VerdictTable(index.path).add([Verdict(*v.pair, WITHDRAWN) for v in answers(index)])
    rows = random.permutation(len(sha256))[:72].reshape(8, 9)
    VerdictTable(index.path).add(
        [
            Verdict(sha256[row[0]], sha256[other], "same" if i < 4 else "different")
            for row in rows
            for i, other in enumerate(row[1:])
        ]
    )
    report = index.adapt()
    assert not report.adapted
    assert report.message.startswith("no clear gain")
    assert report.version == 1
    assert precision(index) == before


def test_contradictions_and_images_that_are_gone_are_told(folder: Path) -> None:
    """And left out."""
    index = sk.Index.open(folder)
    given = answers(index)
    same = [
        verdict for verdict in given if verdict.verdict == "same" and verdict.anchor_sha256 == given[0].anchor_sha256
    ]
    VerdictTable(folder).add([Verdict(same[0].negative_sha256, same[1].negative_sha256, "different")])
    VerdictTable(folder).add([Verdict("0" * 64, "1" * 64, "same")])
    report = index.adapt()
    assert (report.contradictions, report.gone, report.groups) == (1, 1, 5)
    assert report.adapted


def test_undo_goes_back_step_by_step(folder: Path) -> None:
    """To the adaptation before, and to none. What is made next has a number of its own."""
    index = sk.Index.open(folder)
    start = precision(index)
    assert index.adapt().version == 1
    first = index.adapted_vectors()
    VerdictTable(folder).add(answers(index, groups=8, seed=3))
    assert index.adapt().version == 2
    assert not np.array_equal(index.adapted_vectors(), first)
    assert index.undo_adaptation() == 1
    np.testing.assert_array_equal(index.adapted_vectors(), first)
    assert index.adapt().version == 3
    assert [index.undo_adaptation() for _ in range(2)] == [1, None]
    assert precision(index) == start
    assert adapted_files(folder) == {EARLIER_ADAPTATIONS}
    with pytest.raises(InputError, match="no adaptation to undo"):
        index.undo_adaptation()


def test_the_adaptation_follows_what_is_removed_and_added(folder: Path) -> None:
    """Rows that come and go are searched in the same space."""
    index = sk.Index.open(folder)
    index.adapt()
    adaptation = index.adaptation
    assert adaptation is not None
    index.remove(index.ids[3:9])
    assert index.adaptation is not None
    np.testing.assert_array_equal(index.adaptation.map_DD, adaptation.map_DD)
    assert len(index.adapted_vectors()) == len(index)
    assert sk.verify(folder).ok
    assert len([name for name in adapted_files(folder) if name.endswith(".faiss")]) == 1


def test_an_adaptation_of_other_vectors_is_taken_away(folder: Path) -> None:
    """The index of another encoder begins where that is."""
    index = sk.Index.open(folder)
    index.adapt()
    lines = Lines()
    again = sk.index_vectors(vectors_of(np.arange(len(index)) % 5, seed=8), index.ids, folder, progress=lines)
    assert again.adaptation is None
    assert adapted_files(folder) == set()
    assert any("another encoder's" in line for line in lines.said)


def test_an_open_index_stays_as_it_was_opened(folder: Path) -> None:
    """What it has read already, and, where its files are held, what it reads first after a change."""
    reader, late = sk.Index.open(folder), sk.Index.open(folder)
    sk.adapt(folder)
    assert reader.search(reader.ids[0], 3).adaptation is None
    late = sk.Index.open(folder)
    VerdictTable(folder).add(answers(late, groups=8, seed=3))
    sk.adapt(folder)
    if Path("/proc/self/fd").is_dir():
        assert late.search(late.ids[0], 3).adaptation == 1
    else:
        with pytest.raises(ArtefactError, match="has changed since it was opened"):
            late.search(late.ids[0], 3)


def test_its_steps_are_listed_and_those_undone_are_not(folder: Path) -> None:
    """The first one first, as the reports had them; what is set aside but no longer kept ends the list."""
    index = sk.Index.open(folder)
    assert index.adaptations() == []
    reports = [index.adapt()]
    VerdictTable(folder).add(answers(index, groups=8, seed=3))
    reports += [index.adapt()]
    expected = [
        {
            "version": each.version,
            "answers": each.answers,
            "groups": each.groups,
            "held_out": each.to_dict()["held_out"],
            "images": each.images,
        }
        for each in reports
    ]
    assert [{key: each[key] for key in each if key != "made"} for each in index.adaptations()] == expected
    index.undo_adaptation()
    assert [each["version"] for each in index.adaptations()] == [1]
    index.adapt()
    assert [each["version"] for each in index.adaptations()] == [1, 3]
    place = folder / EARLIER_ADAPTATIONS / "1.safetensors"
    place.write_bytes(place.read_bytes()[:50])
    with pytest.raises(ArtefactError, match=r"1\.safetensors is damaged"):
        index.adaptations()
    place.unlink()
    assert [each["version"] for each in index.adaptations()] == [3]


def test_an_index_is_readapted_and_shares_what_was_read(folder: Path) -> None:
    """The one that was opened stays as it was; both have the same rows and vectors in memory."""
    before = sk.Index.open(folder)
    found = [hit.id for hit in before.search(before.ids[0], 5)]
    sk.adapt(folder)
    after = before.readapted()
    assert after.adaptation is not None
    assert (after.rows, after.vector_index) == (before.rows, before.vector_index)
    assert after.search(after.ids[0], 5).adaptation == 1
    np.testing.assert_array_equal(after.adapted_vectors(), sk.Index.open(folder).adapted_vectors())
    assert before.search(before.ids[0], 5).adaptation is None
    assert [hit.id for hit in before.search(before.ids[0], 5)] == found
    sk.undo_adaptation(folder)
    np.testing.assert_array_equal(after.readapted().adapted_vectors(), before.vectors())


def test_a_vector_leaves_its_own_image_out(folder: Path) -> None:
    """Also where that image was pulled to its group, so that the two lie apart."""
    index = sk.Index.open(folder)
    index.adapt()
    found = [index.search(vector_D, 5, exclude_self=True) for vector_D in index.vectors()]
    assert not any(id_ in {hit.id for hit in result} for id_, result in zip(index.ids, found, strict=True))
    assert all(len(result) == 5 for result in found)
