"""Building on what others have changed, damaged or made anew: no other corpus loses its rows unsaid."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from samekind.core.errors import ArtefactError, InputError
from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from samekind.indexer.labeling.verdicts import Verdict, VerdictTable
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import MANIFEST, TABLE_FOLDER
from samekind.indexer.storage.manifest import Manifest, NewerFormatError
from samekind.indexer.storage.remedies import restore_hint
from samekind.indexer.storage.table import ImageTable
from tests.indexer.builds import Lines, check_consistent, write_pictures
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder


def test_a_table_that_was_changed_is_indexed_again_without_embedding_what_it_holds(artefact: Path) -> None:
    """The table is the source of truth: the rest is derived from it."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    ImageTable(artefact).delete(index.ids[:3])
    encoder = FakeEncoder()
    mended = build_index(arrays_corpus(), encoder, artefact)
    assert encoder.embedded == 3
    assert sorted(mended.ids) == sorted(arrays_corpus().ids)
    check_consistent(mended)


def test_a_table_with_an_id_twice_is_no_index(artefact: Path) -> None:
    """As two writers without a lock would leave it: refused with a hint, not opened as if it were whole."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    ImageTable(artefact).append(index.table.full_rows(index.ids[:2]))
    with pytest.raises(ArtefactError, match="2 ids twice") as caught:
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert f"delete {artefact / TABLE_FOLDER} and run" in caught.value.hint, "verdicts lie beside it"


@pytest.mark.parametrize("part", ["data/*.lance", "_versions/18446744073709551613.manifest"])
@pytest.mark.parametrize("damage", ["missing", "torn", "other"])
def test_a_damaged_table_says_what_to_do_and_that_helps(artefact: Path, part: str, damage: str) -> None:
    """Building, reading thumbnails and filtering name the table and the remedy in a line; it costs neither a verdict nor an index."""
    ids = build_index(arrays_corpus(), FakeEncoder(), artefact).ids
    VerdictTable(artefact).add([Verdict("a" * 64, "b" * 64, "same")])
    (file,) = (artefact / TABLE_FOLDER).glob(part)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "torn" else bytes(255 - byte for byte in content))
    if (damage, part[0]) == ("missing", "_"):  # the table is at an earlier version then, which is whole
        check_consistent(build_index(arrays_corpus(), FakeEncoder(), artefact))
        return
    fresh = Index(artefact, Manifest.read(artefact))
    for act in (
        lambda: build_index(arrays_corpus(), FakeEncoder(), artefact),
        lambda: fresh.thumbnail("train/00000"),
        lambda: fresh.positions_where("label = 'Bag'"),
    ):
        with pytest.raises(ArtefactError, match=r"images\.lance cannot be read: ") as caught:
            act()
        assert "\n" not in str(caught.value)
        assert ".rs:" not in str(caught.value)
        assert f"delete {artefact / TABLE_FOLDER} and run: samekind index --corpus noise" in caught.value.hint
    shutil.rmtree(artefact / TABLE_FOLDER)
    again = build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert again.ids == ids
    check_consistent(again)
    assert len(VerdictTable(artefact).all()) == 1


def test_a_condition_that_is_no_sql_is_not_the_tables_fault(artefact: Path) -> None:
    """Only where the table cannot be read without it either is the table to blame."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    with pytest.raises(InputError, match="cannot filter by 'nothing = 1'"):
        index.positions_where("nothing = 1")


def test_the_remedy_names_every_corpus(artefact: Path) -> None:
    """None of them would come back by itself; while a table is being rebuilt, its journal is who knows them."""
    _two_corpora(artefact)
    whole = restore_hint(artefact)
    assert whole.endswith("; then likewise for other")
    manifest = Manifest.read(artefact)
    Journal(manifest.encoder, None, manifest.corpora[:1], manifest.corpora[1]).write(artefact)
    assert not (artefact / MANIFEST).exists()
    assert restore_hint(artefact) == whole


def _two_corpora(artefact: Path) -> Index:
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    return build_index(arrays_corpus(7, seed=3, name="other"), FakeEncoder(), artefact)


def test_an_index_of_a_newer_samekind_is_left_alone(artefact: Path) -> None:
    """It is not damaged: it is not ours to understand."""
    _two_corpora(artefact)
    values = json.loads((artefact / MANIFEST).read_text())
    (artefact / MANIFEST).write_text(json.dumps({**values, "format": 99}))
    with pytest.raises(NewerFormatError, match="format 99") as caught:
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert "upgrade" in caught.value.hint
    assert len(ImageTable(artefact)) == 67


def test_another_encoder_names_the_corpora_whose_rows_are_given_up(artefact: Path) -> None:
    """Also where the old index was never finished."""
    for unfinished in (False, True):
        save_encoder(FakeEncoder(), artefact)
        _two_corpora(artefact)
        if unfinished:
            manifest = Manifest.read(artefact)
            Journal(manifest.encoder, ImageTable(artefact).version, manifest.corpora, manifest.corpora[0]).write(
                artefact
            )
        other, lines = FakeEncoder(seed=5), Lines()
        save_encoder(other, artefact)
        assert len(build_index(arrays_corpus(), other, artefact, lines)) == 60
        assert [line for line in lines.said if "given up" in line and "rows of other are" in line]


@pytest.mark.parametrize("damage", ["field", "text", "missing"])
def test_a_damaged_manifest_costs_no_other_corpus_its_rows(artefact: Path, damage: str) -> None:
    """Where the manifest still names the encoder, everything is built from the table; otherwise it is refused with a hint."""
    before = _two_corpora(artefact)
    if damage == "field":
        (artefact / MANIFEST).write_text(json.dumps({"encoder": FakeEncoder().fingerprint}))
        encoder = FakeEncoder()
        index = build_index(arrays_corpus(), encoder, artefact)
        assert (index.ids, encoder.embedded) == (before.ids, 0)
        assert index.add(arrays_corpus(7, seed=3, name="other")) == 0
        assert index.manifest["corpora"] == before.manifest["corpora"]
        check_consistent(index)
        return
    if damage == "text":
        (artefact / MANIFEST).write_text("{")
    else:
        (artefact / MANIFEST).unlink()
    with pytest.raises(ArtefactError, match="rows of other too") as caught:
        build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert "restore" in caught.value.hint
    assert len(ImageTable(artefact)) == 67


def test_a_damaged_manifest_of_one_corpus_is_simply_made_anew(artefact: Path) -> None:
    """Nothing is lost but time."""
    build_index(arrays_corpus(), FakeEncoder(), artefact)
    (artefact / MANIFEST).unlink()
    check_consistent(build_index(arrays_corpus(), FakeEncoder(), artefact))


def test_what_a_table_holds_is_known_without_a_manifest(artefact: Path, tmp_path: Path) -> None:
    """Two folders of one name are still two sources: neither may replace the other's rows."""
    one, two = tmp_path / "a" / "photos", tmp_path / "b" / "photos"
    write_pictures(one, cat__x=0, cat__y=1)
    write_pictures(two, cat__x=2)
    build_index(Corpus.from_folder(one), FakeEncoder(), artefact)
    before = build_index(Corpus.from_folder(two), FakeEncoder(), artefact)
    (artefact / MANIFEST).write_text(json.dumps({"encoder": FakeEncoder().fingerprint}))
    index = build_index(Corpus.from_folder(two), FakeEncoder(), artefact)
    assert index.ids == before.ids
    assert {entry["key"]: entry["source"] for entry in index.manifest["corpora"]} == {
        "photos": str(one),
        "photos-2": str(two),
    }
