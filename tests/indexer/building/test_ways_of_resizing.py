"""An index scales as its encoder always has: corpus, added images, query and what is shown of it; what it began with is on record."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
import pytest

from samekind.data.corpus import Corpus
from samekind.data.decode import prepare
from samekind.data.types.preprocessing import PILLOW, TORCH, preprocessing_of
from samekind.indexer.index import Index, build_index
from samekind.indexer.storage.remedies import json_field
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained import lite0
from samekind.training.runtime.artefact import META, WEIGHTS, read_meta, write_json
from tests.indexer.building.test_pretrained import photo, put
from tests.indexer.builds import Lines


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Pictures and their index, as samekind made it when there was Pillow's way alone; not to be changed."""
    folder = tmp_path_factory.mktemp("corpus") / "photos"
    put(folder, *range(4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lite0, "TORCH", PILLOW)
        build_index(Corpus.from_folder(folder), "lite0", folder.parent / "out", whitening=0)
    meta = read_meta(folder.parent / "out")
    del meta["encoder"]["resize"], meta["pillow"]
    write_json(folder.parent / "out" / META, meta)
    return folder, folder.parent / "out"


@pytest.mark.parametrize("named", ["lite0", "its folder"])
def test_an_index_of_before_goes_on_in_pillow(before: tuple[Path, Path], tmp_path: Path, named: str) -> None:
    """Vectors that are there stay; an added image, a query and what is shown of it go Pillow's way; torch's would be seen."""
    folder, out = (Path(shutil.copytree(place, tmp_path / place.name)) for place in before)
    assert b'"resize"' not in (out / WEIGHTS).read_bytes()
    held = Index.open(out)
    told = Lines()
    index = build_index(put(folder, 4), "lite0" if named == "lite0" else out, out, progress=told)
    assert not any("Pillow" in line for line in told.said), "of older indexes it is not known"
    np.testing.assert_array_equal(index.vectors()[[index.rows.position[id_] for id_ in held.ids]], held.vectors())
    encoder = Encoder.load(out)
    assert encoder.spec.resize == PILLOW
    way = preprocessing_of(encoder.spec)
    expected = prepare(photo(4), way)
    assert (expected != prepare(photo(4), replace(way, resize=TORCH))).any()
    np.testing.assert_array_equal(index.seen(photo(4)), expected)
    added = next(id_ for id_ in index.ids if id_ not in held.ids)
    np.testing.assert_allclose(index.vectors()[index.rows.position[added]], encoder.embed(expected[None])[0], atol=1e-5)
    assert index.search(photo(4), k=1)[0].similarity > 1 - 1e-6


def test_a_new_index_scales_in_torch_and_says_so(before: tuple[Path, Path], tmp_path: Path) -> None:
    """In the header of its weights and in `meta.json`; the query too."""
    index = build_index(Corpus.from_folder(before[0]), "lite0", tmp_path, whitening=0)
    assert Encoder.load(tmp_path).spec.resize == read_meta(tmp_path)["encoder"]["resize"] == TORCH
    assert json_field(tmp_path / META, "pillow") == PIL.__version__
    way = preprocessing_of(lite0.lite0_spec())
    np.testing.assert_array_equal(index.seen(photo(4)), prepare(photo(4), way))
    assert (index.seen(photo(4)) != prepare(photo(4), replace(way, resize=PILLOW))).any()


@pytest.mark.parametrize(("resize", "told"), [(PILLOW, True), (TORCH, False)])
def test_another_pillow_is_told_where_it_matters(
    before: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resize: str, told: bool
) -> None:
    """Once images are added to an index that scales in Pillow, and not before."""
    folder, out = Path(shutil.copytree(before[0], tmp_path / "photos")), tmp_path / "out"
    monkeypatch.setattr(lite0, "TORCH", resize)
    lines = [Lines(), Lines(), Lines()]
    build_index(Corpus.from_folder(folder), "lite0", out, whitening=0, progress=lines[0])
    monkeypatch.setattr(PIL, "__version__", "99.1.0")
    build_index(Corpus.from_folder(folder), out, out, progress=lines[1])
    build_index(put(folder, 4), out, out, progress=lines[2])
    said = [any("Pillow" in line and "99.1.0" in line for line in each.said) for each in lines]
    assert said == [False, False, told]
