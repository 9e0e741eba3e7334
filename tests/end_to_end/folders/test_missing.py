"""`samekind index --missing`: images that the index holds and the folder does not have any more."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.folders.test_choices import photo
from tests.end_to_end.helpers import call, refused


def test_missing_images_are_written_to_a_file(tmp_path: Path) -> None:
    """A line for each whose file is gone or left out; without a corpus it is refused before anything is read."""
    folder, out, file = tmp_path / "photos", tmp_path / "artefact", tmp_path / "missing.csv"
    for number in range(5):
        photo(folder, f"{number}.png", number)
    words = ("index", "--corpus", folder, "--out", out, "--missing", file)
    made = call(*words, "--encoder", "lite0")
    assert made.code == 0, made.err
    assert file.read_text().splitlines() == ["id,reason"]
    for number in range(2):
        (folder / f"{number}.png").unlink()
    called = call(*words, "--exclude", "4.png")
    assert file.read_text().splitlines() == [
        "id,reason",
        "0.png,the file is gone",
        "1.png,the file is gone",
        '4.png,"the file is there, but is not read as an image of this corpus"',
    ]
    assert f"wrote 3 missing images to {file}" in called.err
    assert [line for line in called.err.splitlines() if line.startswith("  ")] == ["  0.png", "  1.png", "  4.png"]
    assert "--missing compares with a corpus" in refused("index", "--out", out, "--remove", "x", "--missing", file)
    thinned = ("index", "--corpus", tmp_path, "--out", out, "--remove", "x")
    assert "--missing compares with a corpus" in refused(*thinned, "--missing", file)
    assert "--engine ray embeds the images of a corpus" in refused(*thinned, "--engine", "ray")
