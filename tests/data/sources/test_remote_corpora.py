"""Corpora in an object store, read from their copies; S3 itself is in `tests/indexer/published/test_object_store.py`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import samekind as sk
from samekind.core.cache_home import VARIABLE
from samekind.core.errors import CorpusError, ImageError, InputError
from samekind.data.decoding import object_store
from samekind.data.decoding.object_store import is_address, opened_store
from samekind.data.sources.mirror import mirrored, place_of
from samekind.data.sources.registry import load_corpus
from tests.end_to_end.helpers import call, draw_folder, refused
from tests.indexer.helpers import FakeEncoder

pytestmark = pytest.mark.usefixtures("cache")


def test_what_is_an_address() -> None:
    """Drives, names and folders are none."""
    assert all(map(is_address, ("s3://bucket/photos", "gs://b/x", "hf://datasets/me/x", "file:///x")))
    assert not any(map(is_address, ("digits", "./photos", "/photos", "C:/photos", "s3:/x", "a b://c")))


def test_a_store_is_read_as_the_folder_that_it_holds(store: Path) -> None:
    """Ids, labels, splits and hashes are those of the folder, the name as well; the source is the address, which loads it again."""
    here, there = load_corpus(store), load_corpus(f"file://{store}/")
    assert (there.name, there.ids, there.labels, there.splits) == (here.name, here.ids, here.labels, here.splits)
    assert there.content_hash == here.content_hash
    assert there.source == {**here.source, "corpus": f"file://{store}"}
    assert load_corpus(**there.source).ids == here.ids
    assert all(
        Path(there.uri(row)).is_file() and not there.uri(row).startswith(str(store)) for row in range(len(there))
    )


def test_who_has_no_copy_reads_from_the_store(store: Path) -> None:
    """As a worker on another machine; a file that has changed there since is refused, as one on the disk would be."""
    corpus = load_corpus(f"file://{store}")
    whole = [corpus.image(row).tobytes() for row in range(len(corpus))]
    shutil.rmtree(place_of(f"file://{store}"))
    assert [corpus.image(row).tobytes() for row in range(len(corpus))] == whole
    (store / corpus.ids[0]).write_bytes((store / corpus.ids[1]).read_bytes())
    with pytest.raises(ImageError, match="has changed since the corpus was read"):
        corpus.image(0)
    copy = Path(corpus.uri(1))
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(b"an older copy")
    assert corpus.image(1).tobytes() == whole[1], "another machine's copy is not what was read"
    (store / corpus.ids[0]).unlink()
    with pytest.raises(ImageError, match="cannot be read"):
        corpus.image(0)


def test_an_index_of_a_store(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the address, is brought up to date from there, and finds the originals."""
    address = f"file://{store}"
    index = sk.build_index(load_corpus(address), FakeEncoder(), tmp_path / "out")
    assert [entry["source"] for entry in index.manifest["corpora"]] == [address]
    hit = index.search_id(index.ids[0], k=1).hits[0]
    assert Path(hit.uri).read_bytes() == (store / hit.id).read_bytes()
    draw_folder(store / "more", 1)
    again = sk.build_index(load_corpus(address), FakeEncoder(), tmp_path / "out")
    assert [entry["num_images"] for entry in again.manifest["corpora"]] == [len(again)] != [len(index)]
    monkeypatch.setenv(VARIABLE, str(tmp_path / "elsewhere"))
    assert not Path(sk.Index.open(tmp_path / "out").search_id(hit.id, k=1).hits[0].uri).exists()
    mirrored(address)
    found = sk.Index.open(tmp_path / "out").search_id(hit.id, k=1).hits[0]
    assert Path(found.uri).is_file(), "the copy is looked for where the cache lies now"
    (store / hit.id).unlink()
    assert list(again.missing(load_corpus(address))) == [hit.id]


def test_a_store_that_fsspec_alone_knows(store: Path) -> None:
    """As `hf://` is, through huggingface_hub."""
    import fsspec

    files = fsspec.filesystem("memory")
    files.put(f"{store}/", "/photos/", recursive=True)
    corpus = load_corpus("memory://photos")
    assert (corpus.name, corpus.content_hash) == ("photos", load_corpus(store).content_hash)
    shutil.rmtree(place_of("memory://photos"))
    assert corpus.image(0).tobytes() == load_corpus(store).image(0).tobytes()


def test_a_single_file_in_a_store(tmp_path: Path) -> None:
    """Parquet, as Hugging Face keeps data sets."""
    import pyarrow as pa
    from pyarrow import parquet

    photos = draw_folder(tmp_path / "photos", 2)
    files = sorted(photos.rglob("*.png"))
    table = pa.table({"image": [file.read_bytes() for file in files], "label": [file.parent.name for file in files]})
    parquet.write_table(table, tmp_path / "train.parquet")
    corpus = load_corpus(f"file://{tmp_path}/train.parquet")
    assert corpus.content_hash == load_corpus(tmp_path / "train.parquet").content_hash
    assert corpus.source["corpus"] == f"file://{tmp_path}/train.parquet"
    assert corpus.image(0).size == load_corpus(photos).image(0).size


def test_what_cannot_be_reached_is_one_line(tmp_path: Path) -> None:
    """Nothing there, an unknown kind of address, a package that is not installed."""
    assert "there is nothing at" in refused("index", "--corpus", f"file://{tmp_path}/none", "--out", tmp_path / "x")
    with pytest.raises(InputError, match="nobody knows addresses that begin with nonsense://"):
        load_corpus("nonsense://bucket/photos")
    with pytest.raises(InputError, match="is no address"):
        opened_store("photos")


def test_a_missing_bucket_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon's codes in words; what has none in its own."""
    with (
        pytest.raises(CorpusError, match=r"^s3://b/x cannot be read: there is no such bucket$"),
        object_store.reached("s3://b/x"),
    ):
        raise OSError("When listing 'x' in bucket 'b': AWS Error NO_SUCH_BUCKET during ListObjectsV2 operation: gone")
    with pytest.raises(CorpusError, match=r"^s3://b/x cannot be read: odd$"), object_store.reached("s3://b/x"):
        raise OSError("odd")


def test_watching_a_store_is_refused(store: Path, tmp_path: Path) -> None:
    """Nobody is told of what comes there."""
    assert "--watch follows a folder" in refused("index", "--corpus", f"file://{store}", "--out", tmp_path, "--watch")


@pytest.mark.slow
def test_the_command_line_takes_an_address(store: Path, tmp_path: Path) -> None:
    """From photos in a store to a search."""
    address = f"file://{store}"
    made = call("index", "--corpus", address, "--encoder", "lite0", "--out", tmp_path / "out")
    assert made.code == 0, made
    assert call("search", tmp_path / "out", next(store.rglob("*.png")), "--k", 2).code == 0


def test_the_cache_lists_its_copies_and_lets_go_of_them(store: Path) -> None:
    """With their addresses; none is lost but in time."""
    address = f"file://{store}"
    first = load_corpus(address)
    size = sum(file.stat().st_size for file in store.rglob("*.png"))
    (listed,) = call("cache", "--json").answer["copies"]
    assert (listed["address"], listed["folder"]) == (address, str(place_of(address).parent))
    assert size <= listed["bytes"] <= size + 2000
    assert address in call("cache").out
    assert call("cache", "--purge", "--json").answer["copies"] == [listed], "a training may be reading it"
    emptied = call("cache", "--copies", "--json").answer
    assert emptied["copies"] == []
    assert emptied["freed_bytes"] >= size
    assert not place_of(address).exists()
    assert load_corpus(address).content_hash == first.content_hash
