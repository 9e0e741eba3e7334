"""Every file of an artefact, damaged in every way: found where it is read or by `verify`, with its remedy, or no answer changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import samekind as sk
from samekind.indexer.building import beside
from samekind.indexer.labeling.people.given_labels import GivenLabel, LabelTable
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.indexer.storage.layout import DELTA_FILE
from tests.faults.damage import CRASH, DAMAGES, HARMLESS, SILENT, answers, files_of, told
from tests.faults.operations import draw_pictures
from tests.indexer.adaptation.worlds import answered_world, world


def trained(folder: Path, seed: int) -> Path:
    """Trained with answers, indexed, with verdicts and labels of its own."""
    draw_pictures(folder / "pictures", 10, seed)
    corpus = sk.Corpus.from_folder(folder / "pictures")
    small: dict[str, Any] = {"epochs": 2, "steps": None, "batch_size": 16, "width": 8, "pool": 1}
    small |= {"workers": 0, "device": "cpu", "seed": seed}
    teacher = sk.build_index(corpus, sk.train(corpus, "smoke", folder / "teacher", **small).encoder, folder / "teacher")
    first, second, third = teacher.rows.column("sha256")[:3]
    said = [Verdict(first, second, "same", "Ana", note=f"note {seed}"), Verdict(first, third, "different", "Ana")]
    VerdictTable(teacher.path).add(said)
    told_to: dict[str, Any] = {"treatment": "soft_attract", "detector": "reciprocal", "verdicts": teacher.path}
    index = sk.build_index(
        corpus, sk.train(corpus, "smoke", folder / "out", **small, **told_to).encoder, folder / "out"
    )
    VerdictTable(index.path).add(said)
    LabelTable(index.path).add([GivenLabel(first, f"hat {seed}", "Ana")])
    sk.TagTable(index.path).put([first], f"tag {seed}", "Ana")
    return Path(index.path)


def adapted(folder: Path, seed: int) -> Path:
    """Of vectors that were given, adapted twice, with a map."""
    index = answered_world(folder / "out", seed=seed)
    assert index.adapt().adapted
    assert index.adapt().adapted
    sk.make_map(index).write(index.path)
    return Path(index.path)


def changed(folder: Path, seed: int) -> Path:
    """Of vectors that were given, with a change beside the index file, as a large index has it."""
    index = world(folder / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(beside, "FEWEST", 1)
        index.remove([index.ids[seed]])
    assert (Path(index.path) / DELTA_FILE).is_file()
    return Path(index.path)


@pytest.fixture(scope="module", params=[trained, adapted, changed], ids=["trained", "adapted", "changed"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An artefact, and another run's."""
    folder = tmp_path_factory.mktemp("damage")
    return request.param(folder / "0", 0), request.param(folder / "1", 1)


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_goes_unnoticed(made: tuple[Path, Path], damage: str) -> None:
    """In one line with its remedy."""
    artefact, other = made
    whole, others = answers(artefact), dict(files_of(other))
    found = {}
    for name, file in list(files_of(artefact)):
        content = file.read_bytes()
        if damage == "another run's" and (name not in others or others[name].read_bytes() == content):
            continue
        DAMAGES[damage](file, others.get(name, file))
        found[name] = told(artefact, whole)
        file.write_bytes(content)
    assert {name: said for name, said in found.items() if said[0] in (SILENT, CRASH)} == {}
    needed = (
        "encoder.safetensors",
        "index.faiss",
        "rows.arrow",
        "meta.json",
        "manifest.json",
        "adaptation.safetensors",
        "delta.safetensors",
        *(("map.safetensors",) if damage not in ("missing", "another run's") else ()),  # one is made then
    )
    assert [name for name in needed if name in found and found[name][0] == HARMLESS] == []
    assert answers(artefact) == whole
