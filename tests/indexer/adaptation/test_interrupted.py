"""Adapting that is killed half-way, and files that are damaged: one line, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import samekind as sk
from samekind.core.errors import ArtefactError
from samekind.indexer.labeling.verdicts import VerdictTable
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.adaptation import Adaptation, current_adaptation
from samekind.indexer.storage.layout import ADAPTATION, EARLIER_ADAPTATIONS
from samekind.training.runtime.artefact import SEAL
from tests.indexer.adaptation.worlds import adapted_files, answers
from tests.indexer.builds import crash_at


@pytest.mark.parametrize(
    ("owner", "name", "after"),
    [
        (VectorIndex, "save", False),
        (VectorIndex, "save", True),
        (Path, "replace", False),
        (Path, "replace", True),
        (Adaptation, "write", False),
        (Adaptation, "write", True),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_a_crash_leaves_the_old_state_or_the_new_one(
    folder: Path, owner: object, name: str, after: bool, again: bool
) -> None:
    """And the next run ends as if there had been none."""
    index = sk.Index.open(folder)
    if again:
        index.adapt()
        VerdictTable(folder).add(answers(index, groups=8, seed=3))
    before = index.adapted_vectors()
    with crash_at(owner, name, after=after):
        index.adapt()
    now = sk.Index.open(folder)
    assert sk.verify(folder).ok
    if now.adaptation is None or not (after and name == "write"):
        np.testing.assert_array_equal(now.adapted_vectors(), before)
    assert now.adapt().adapted
    assert len([each for each in adapted_files(folder) if each.endswith(".faiss")]) == 1
    assert sk.verify(folder).ok


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / ADAPTATION).write_bytes(b"nonsense"),
        lambda folder: next(folder.glob("adapted-*.faiss")).unlink(),
        lambda folder: next(folder.glob("adapted-*.faiss")).write_bytes(b""),
    ],
)
@pytest.mark.parametrize("remedy", ["adapt", "undo"])
def test_what_is_damaged_is_one_line_and_either_remedy_helps(
    folder: Path, harm: Callable[[Path], object], remedy: str
) -> None:
    """The remedies that the hint names."""
    sk.adapt(folder)
    harm(folder)
    with pytest.raises(ArtefactError) as caught:
        sk.Index.open(folder)
    assert "\n" not in str(caught.value)
    assert "--undo" in caught.value.hint
    if remedy == "adapt":
        assert sk.adapt(folder).adapted
    else:
        assert sk.undo_adaptation(folder) is None
    assert sk.verify(folder).ok


def test_a_flipped_bit_is_found_by_verify(folder: Path) -> None:
    """In the adapted vectors."""
    sk.adapt(folder)
    file = next(folder.glob("adapted-*.faiss"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert [part.part for part in sk.verify(folder).damaged] == [ADAPTATION]


def test_a_newer_format_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not taken for damaged."""
    monkeypatch.setattr("samekind.indexer.storage.adaptation.FORMAT", 5)
    sk.adapt(folder)
    monkeypatch.undo()
    with pytest.raises(ArtefactError, match="format 5") as caught:
        current_adaptation(folder)
    assert "upgrade" in caught.value.hint


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"nonsense")])
def test_undo_goes_back_to_the_encoder_where_the_one_before_is_lost(
    folder: Path, harm: Callable[[Path], object]
) -> None:
    """Its file is missing or damaged: that is no reason to keep the one that is to go."""
    sk.adapt(folder)
    sk.adapt(folder)
    harm(folder / EARLIER_ADAPTATIONS / "1.safetensors")
    assert sk.undo_adaptation(folder) is None
    assert sk.Index.open(folder).adaptation is None


def test_the_oldest_of_many_are_forgotten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo makes one after every screen."""
    monkeypatch.setattr("samekind.indexer.storage.adaptation.MOST_KEPT", 2)
    for _ in range(5):
        sk.adapt(folder)
    assert {path.stem for path in (folder / EARLIER_ADAPTATIONS).iterdir()} == {"3", "4"}
    assert [each["version"] for each in sk.Index.open(folder).adaptations()] == [3, 4, 5]
    assert sk.adapt(folder).version == 6
    assert [sk.undo_adaptation(folder) for _ in range(2)] == [5, None]


def test_an_older_format_is_read_with_its_seal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal is over the format that the file has, not over the present one."""
    index = sk.Index.open(folder)
    with monkeypatch.context() as older:
        older.setattr("samekind.indexer.storage.adaptation.FORMAT", 1)
        index.adapt()
    assert sk.Index.open(folder).adaptation is not None


def test_images_of_an_older_format_lie_where_they_did(folder: Path) -> None:
    """Before format 3 one pull was for all, and nothing of it is in the file."""
    sk.adapt(folder)
    with safe_open(folder / ADAPTATION, framework="numpy") as stored:
        header = json.loads(stored.metadata()["adaptation"])
        arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    older = {
        **{name: value for name, value in header.items() if name not in ("own_pull", SEAL)},
        "format": 2,
        "pull": 0.5,
    }
    save_file(arrays, folder / ADAPTATION, {"adaptation": json.dumps(older)})
    read = current_adaptation(folder)
    assert read is not None
    mapped = np.eye(len(read.map_DD), dtype=np.float32)[:1]
    half = mapped[0] + read.centre_GD[0]
    np.testing.assert_allclose(read.gathered(mapped, np.array([0]))[0], half / np.linalg.norm(half), atol=1e-6)
