"""The page *Label errors & duplicates*, where copies have different labels or lie in different splits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.app.screens import curation
from samekind.data.types.splits import Split
from tests.app.conftest import OpenApp
from tests.app.pages import cards
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
    ("word", "expected", "said"), [("wrong_label", (11, 41), "confirmed"), ("copy_wrong", (41, 11), "dismissed")]
)
def test_of_two_copies_one_is_wrong(
    open_app: OpenApp, conflicting: Path, tmp_path: Path, word: str, expected: tuple[int, int], said: str
) -> None:
    """That the label is right is `wrong_label` on the copy; Undo takes either back."""
    copy = shutil.copytree(conflicting, tmp_path / "copy")
    at, ids = opened(open_app, copy), sk.Index.open(copy).ids
    at.button(key=f"{word} {ids[11]} {ids[41]}").click().run()
    assert verdicts(copy) == [(ids[expected[0]], ids[expected[1]], "wrong_label")]
    assert said in [each["text"] for each in cards(at, f"label issue {ids[11]}")[0]["badges"]]
    at.button(key=f"undo {ids[11]} {ids[41]}").click().run()
    assert sk.VerdictTable(copy).current() == {}


def test_leaks_are_a_list_of_their_own(open_app: OpenApp, tmp_path: Path) -> None:
    """A test image that is a training image, too, with a button for each answer; without any, one line says so."""
    pixels = kinds()
    pixels[50] = (pixels[11] * 0.95).astype(np.uint8)
    splits: list[Split] = ["train" if row < 40 else "test" for row in range(60)]
    for name, known in (("leaking", splits), ("one split", None)):
        save_encoder(FakeEncoder(), tmp_path / name)
        sk.build_index(sk.Corpus.from_arrays(list(pixels), None, known, name="kinds"), FakeEncoder(), tmp_path / name)
    at, ids = opened(open_app, tmp_path / "leaking", curation.LEAKS), sk.Index.open(tmp_path / "leaking").ids
    assert cards(at, f"pair {ids[11]} {ids[50]}")[0]["heading"] == "near copy"
    assert "a training image and one of another split" in at.markdown[0].value
    at.button(key=f"duplicate {ids[11]} {ids[50]}").click().run()
    assert verdicts(tmp_path / "leaking") == [(ids[11], ids[50], "duplicate")]
    at = opened(open_app, tmp_path / "one split", curation.LEAKS)
    assert any("No picture of the training split" in info.value for info in at.info)
