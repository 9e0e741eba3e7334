"""Images of two folders come into one search only where somebody wants that, and no index comes among the images."""

from __future__ import annotations

import shutil
from pathlib import Path

import samekind
from tests.end_to_end.helpers import call, refused
from tests.end_to_end.test_quickstart import put


def test_another_folder_of_the_same_name_is_not_mixed_in(tmp_path: Path) -> None:
    """`quickstart` refuses and says both ways on; `index` adds the images and says so; the same folder again is no other one."""
    for place, hue in (("one", "red"), ("two", "blue")):
        for number in range(4):
            put(tmp_path / place / "pics", hue, number)
    out = tmp_path / "artifacts" / "pics"
    first, second = (tmp_path / place / "pics" for place in ("one", "two"))
    assert call("quickstart", first, "--out", out, "--no-demo").code == 0
    before = (out / "manifest.json").read_bytes()
    called = call("quickstart", second, "--out", out, "--no-demo")
    assert called.code == 2
    assert f"error: {out} holds images of {first}, and these are others\nhint: --out {out}-2 gives them" in called.err
    assert (out / "manifest.json").read_bytes() == before
    added = call("index", "--corpus", second, "--out", out)
    assert f"added to the images of {first}, which are in {out} already" in added.err
    assert len(samekind.Index.open(out)) == 8
    put(first, "red", 9)
    again = call("index", "--corpus", first, "--out", out)
    assert "added to the images" not in again.err
    assert call("quickstart", second, "--out", out, "--no-demo").code == 0
    assert len(samekind.Index.open(out)) == 9


def test_a_folder_that_was_copied_whole_is_the_same_corpus(tmp_path: Path) -> None:
    """Its content says so."""
    for number in range(4):
        put(tmp_path / "pics", "red", number)
    assert call("quickstart", tmp_path / "pics", "--out", tmp_path / "out", "--no-demo").code == 0
    shutil.copytree(tmp_path / "pics", tmp_path / "copy" / "pics")
    assert call("quickstart", tmp_path / "copy" / "pics", "--out", tmp_path / "out", "--no-demo").code == 0


def test_no_index_is_written_among_the_images(tmp_path: Path) -> None:
    """Not a file of it; an index that lies there already goes on."""
    for number in range(4):
        put(tmp_path / "pics", "red", number)
    before = sorted(tmp_path.rglob("*"))
    for command in (("quickstart", tmp_path / "pics", "--no-demo"), ("index", "--corpus", tmp_path / "pics")):
        called = call(*command, "--out", tmp_path / "pics")
        assert called.code == 2
        assert f"error: the index would lie among the images of {tmp_path / 'pics'}\n" in called.err
        assert "--out artifacts/pics" in called.err
    assert sorted(tmp_path.rglob("*")) == before
    samekind.build_index(samekind.load_corpus(tmp_path / "pics"), "lite0", tmp_path / "pics")
    assert call("index", "--corpus", tmp_path / "pics", "--out", tmp_path / "pics").code == 0


def test_what_was_only_begun_is_not_taken_for_images(tmp_path: Path) -> None:
    """A build that was interrupted before it kept anything leaves a lock and nothing else."""
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / ".lock").touch()
    assert "no index yet: what was begun there is not finished" in refused("search", tmp_path / "begun", "x.png")
    (tmp_path / "begun" / ".lock").unlink()
    assert "not finished" not in refused("search", tmp_path / "begun", "x.png")
