"""Where `make` leaves what it makes: only asked for, nothing is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import samekind

ROOT = Path(samekind.__file__).parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None or not (ROOT / "Makefile").is_file(), reason="no make")


def planned(*arguments: str) -> str:
    """The commands that make would run."""
    command = ["make", "--dry-run", "--directory", str(ROOT), "--old-file", ".venv/.installed", *arguments]
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CORPUS", "PRESET", "OUT", "MAKEFLAGS", "MFLAGS")
    }
    return subprocess.run(command, capture_output=True, text=True, check=True, env=own).stdout


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (["train"], "artifacts/fashion-mnist"),
        (["demo", "CORPUS=digits"], "artifacts/digits"),
        (["demo", "CORPUS={photos}"], "artifacts/photos"),
        (["train", "CORPUS={photos}"], "artifacts/photos-trained"),
        (["demo", "CORPUS={photos}", "PRESET=adapter"], "artifacts/photos-trained"),
        (["train", "CORPUS={link}"], "artifacts/photos-trained"),
        (["train", "CORPUS={photos}", "OUT=there"], "there"),
    ],
)
def test_what_is_trained_on_a_folder_lies_beside_its_quickstart(
    tmp_path: Path, arguments: list[str], folder: str
) -> None:
    """Both as README has them, one after the other; a link to the folder is that folder, as quickstart has it."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    given = [each.format(photos=tmp_path / "photos", link=tmp_path / "link") for each in arguments]
    assert f'--out "{folder}"' in planned(*given)
