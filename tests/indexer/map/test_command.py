"""`samekind map`: makes a map once, and says what it keeps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import samekind as sk
from tests.end_to_end.helpers import call, refused


@pytest.fixture
def folder(index: sk.Index, tmp_path: Path) -> Path:
    """An index without a map."""
    shutil.copytree(index.path, tmp_path / "copy")
    return tmp_path / "copy"


def test_it_makes_a_map_once(folder: Path) -> None:
    """A second call finds it; another seed and --force make it anew; the JSON says which."""
    shown = call("map", folder)
    assert shown.code == 0
    first, second = shown.out.splitlines()
    assert first == "laid out 60 images"
    assert second.startswith("trustworthiness 0.")
    assert second.endswith(" % of the ten nearest neighbours kept")
    assert call("map", folder).out.splitlines()[0] == "there already: a map of 60 images"
    answers = [call("map", folder, "--json", *flags).answer for flags in ((), ("--seed", 1), ("--seed", 1, "--force"))]
    assert [(answer["made_now"], answer["seed"], answer["images"]) for answer in answers] == [
        (False, 0, 60),
        (True, 1, 60),
        (True, 1, 60),
    ]


def test_of_few_images_it_says_how_many_neighbours_were_compared(folder: Path) -> None:
    """Four have three others each, and trustworthiness is defined for two of them."""
    index = sk.Index.open(folder)
    index.remove(index.ids[4:])
    assert call("map", folder).out.splitlines()[1].endswith(" % of the 2 nearest neighbours kept")


def test_what_has_no_map_is_refused_in_a_line(folder: Path, tmp_path: Path) -> None:
    """No artefact, a bad seed, a damaged map; --force mends the last."""
    assert "does not exist" in refused("map", tmp_path / "nowhere")
    assert "--seed must be at least 0" in refused("map", folder, "--seed", -1)
    assert "--seed must be below" in refused("map", folder, "--seed", 1 << 80)
    (folder / "map.safetensors").write_bytes(b"nonsense")
    assert "is damaged" in refused("map", folder)
    assert call("map", folder, "--force").code == 0
