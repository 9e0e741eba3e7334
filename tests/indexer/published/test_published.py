"""Published indexes answer as the library's own search in the encoder's space, and hold what the artefact holds."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import samekind as sk
from samekind.commands.folders.elsewhere import copy_here
from samekind.core.errors import InputError
from samekind.indexer.published import publishing
from samekind.indexer.published.place import FILES
from samekind.indexer.storage.database import open_published
from samekind.training.runtime.artefact import WEIGHTS
from tests.end_to_end.helpers import call, refused
from tests.indexer.helpers import FakeEncoder, arrays_corpus, kinds, pictures, save_encoder


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> sk.Index:
    """60 pictures with labels; not to be changed."""
    folder = tmp_path_factory.mktemp("published") / "artefact"
    save_encoder(FakeEncoder(), folder)
    return sk.build_index(arrays_corpus(60), FakeEncoder(), folder)


@pytest.fixture(scope="module")
def published(index: sk.Index) -> sk.PublishedIndex:
    """The same, published."""
    place = index.path.parent / "place"
    report = sk.publish(index, str(place))
    assert (report.rows, report.added, report.removed, report.nprobes, report.recall) == (60, 60, 0, 0, 1.0)
    return _opened(place)


def _opened(place: Path | str) -> sk.PublishedIndex:
    """Opened, with the encoder at hand, since that of tests has no file that the product reads."""
    found = sk.PublishedIndex.open(place)
    found._queries.__dict__["encoder"] = FakeEncoder()
    return found


def told(result: Any) -> list[tuple[Any, ...]]:
    """What a search found."""
    return [(hit.rank, hit.id, round(hit.similarity, 12), hit.label, hit.uri) for hit in result.hits] + [result.note]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"k": 7, "exclude_self": True},
        {"k": 60, "where": "label = 'b' OR split = 'test'"},
        {"k": 20, "min_similarity": 0.3},
        {"k": 6, "diversity": 0.6, "exclude_self": True},
        {"k": 100},
    ],
)
def test_it_finds_what_the_library_finds(
    index: sk.Index, published: sk.PublishedIndex, options: dict[str, Any]
) -> None:
    """Hits, cosines and notes, for ids, pictures, vectors, mixes and several at once; from the artefact's own table, too."""
    vector = np.random.default_rng(0).normal(size=16).astype(np.float32)
    mix = sk.Mix(index.ids[3], pictures(60)[5], weights=[1, 2], unlike=[index.ids[9]])
    for place in (published, _opened(index.path)):
        for query in (index.ids[11], pictures(60)[11], pictures(2, seed=7)[0], vector, vector.tolist(), mix):
            assert told(place.search(query, **options)) == told(index.search(query, **options)), query
        together = place.search([index.ids[1], vector], **options)
        assert isinstance(together, list)
        assert [told(each) for each in together] == [
            told(each) for each in index.search([index.ids[1], vector], **options)
        ]
    assert len(published) == 60


def test_publishing_again_writes_what_has_changed(tmp_path: Path) -> None:
    """Rows that are new, gone or relabelled; after an interruption the rest; another encoder's vectors replace all."""
    save_encoder(FakeEncoder(), tmp_path / "a")
    index = sk.build_index(arrays_corpus(30), FakeEncoder(), tmp_path / "a")
    place = str(tmp_path / "place")
    sk.publish(index, place)
    assert sk.publish(index, place).added == 0
    index.remove(index.ids[:4])
    index.add(sk.Corpus.from_arrays(kinds(5, seed=9), name="more", source={"corpus": "more"}))
    done = sk.publish(index, place)
    assert (done.rows, done.added, done.removed) == (31, 5, 4)
    assert told(_opened(place).search(index.ids[0], k=31)) == told(index.search(index.ids[0], k=31))

    reader = _opened(place)
    found = told(reader.search(index.ids[0], k=31))
    shutil.rmtree(tmp_path / "place")  # as if it had been published anew, and the files of before had gone
    sk.publish(index, place)
    reader._queries.__dict__["encoder"] = FakeEncoder()
    assert told(reader.search(index.ids[0], k=31)) == found
    database = open_published(place, {})
    for name in map(str, range(120)):
        database.create_table(name, [{"a": 1}])
    assert len(_opened(place)) == 31
    database.open_table("images").delete(f"id = '{index.ids[2]}'")  # as if the call before had been cut short
    assert sk.publish(index, place).added == 1

    files = database.open_table(FILES)
    files.delete("name <> 'made-by.json'")  # as if the very first call had been cut short
    with pytest.raises(sk.ArtefactError, match="being published"):
        sk.PublishedIndex.open(place)
    assert sk.publish(index, place).added == 0
    assert len(_opened(place)) == 31

    other = FakeEncoder(seed=1)
    save_encoder(other, tmp_path / "b")
    again = sk.build_index(arrays_corpus(30), other, tmp_path / "b")
    assert sk.publish(again, place).added == 30
    assert len(_opened(place)) == 30


def test_a_row_of_another_label_is_written_anew(tmp_path: Path) -> None:
    """And it alone; where every row is another's, all are."""
    labels = ["a", "b"] * 6
    for name, changed in (("a", labels), ("b", [*labels[:-1], "c"]), ("c", ["d"] * 12)):
        save_encoder(FakeEncoder(), tmp_path / name)
        corpus = sk.Corpus.from_arrays(pictures(12), changed, name="one", source={"corpus": "one"})
        index = sk.build_index(corpus, FakeEncoder(), tmp_path / name)
        done = sk.publish(index, str(tmp_path / "place"))
        assert (done.added, done.removed) == {"a": (12, 0), "b": (1, 1), "c": (12, 12)}[name]
        assert told(_opened(tmp_path / "place").search(index.ids[0], k=12)) == told(index.search(index.ids[0], k=12))


def test_a_query_with_many_copies_leaves_all_of_them_out(tmp_path: Path) -> None:
    """As the library does, which looks further: by a vector, which is known by no content."""
    pixels = np.concatenate([np.repeat(pictures(1), 30, axis=0), pictures(20, seed=5)])
    save_encoder(FakeEncoder(), tmp_path / "a")
    index = sk.build_index(sk.Corpus.from_arrays(pixels), FakeEncoder(), tmp_path / "a")
    sk.publish(index, str(tmp_path / "place"))
    vector = index.vectors()[0]
    there = _opened(tmp_path / "place").search(vector, k=5, exclude_self=True)
    assert told(there) == told(index.search(vector, k=5, exclude_self=True))
    assert len(told(there)) == 6


def test_the_encoder_is_fetched_by_the_first_picture_and_not_before(
    index: sk.Index, published: sk.PublishedIndex
) -> None:
    """Its file is in the place, byte for byte; a search by id leaves it there."""
    place = sk.PublishedIndex.open(published.place)
    place.search(index.ids[0])
    queries = place._queries
    assert not (queries.path / WEIGHTS).exists()
    queries._fetch([WEIGHTS])  # type: ignore[attr-defined]
    assert (queries.path / WEIGHTS).read_bytes() == (index.path / WEIGHTS).read_bytes()


def test_many_rows_get_an_index_that_is_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It finds nearly all of the nearest, and every row that satisfies a narrow condition."""
    monkeypatch.setattr(publishing, "FEWEST_INDEXED", 1000)
    random = np.random.default_rng(0)
    centres = random.normal(size=(40, 16))
    vectors = centres[np.arange(2000) % 40] + 0.3 * random.normal(size=(2000, 16))
    labels = ["rare" if i < 15 else "often" for i in range(2000)]
    index = sk.index_vectors(vectors.astype(np.float32), [str(i) for i in range(2000)], tmp_path / "a", labels=labels)
    done = sk.publish(index, str(tmp_path / "place"))
    assert done.nprobes > 0
    assert done.recall >= 0.9
    place = sk.PublishedIndex.open(tmp_path / "place")
    shared = 0
    for i in range(0, 2000, 100):
        found = place.search(str(i), k=10)
        assert isinstance(found, sk.SearchResult)
        shared += len({hit.id for hit in found.hits} & {hit.id for hit in index.search_id(str(i), k=10).hits})
    assert shared >= 0.9 * 200
    place._nprobes = 1
    for k, where in (
        (15, "label = 'rare'"),
        (1500, "label = 'often'"),
        (2000, None),
    ):  # more than the lists of a search hold
        assert told(place.search("1999", k=k, where=where)) == told(index.search_id("1999", k=k, where=where))


def test_the_codes_stay_until_others_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RaBitQ finds what product quantisation finds; a call that names none makes no index anew."""
    monkeypatch.setattr(publishing, "FEWEST_INDEXED", 1000)
    monkeypatch.setattr(publishing, "_ASKED", 20)
    vectors = np.random.default_rng(0).normal(size=(1200, 16)).astype(np.float32)
    index, place = sk.index_vectors(vectors, [str(i) for i in range(1200)], tmp_path / "a"), str(tmp_path / "place")

    def published(codes: publishing.Codes | None) -> Any:
        done = sk.publish(index, place, codes=codes)
        assert done.nprobes > 0
        assert done.recall >= 0.9
        (made,) = open_published(place, {}).open_table("images").list_indices()
        return made

    first = published("rq")
    assert first.index_type.lower().endswith("rq")
    assert published(None).created_at == first.created_at
    assert published("pq").index_type.lower().endswith("pq")
    with pytest.raises(InputError, match="no codes 'xq'"):
        sk.publish(index, place, codes="xq")  # type: ignore[arg-type]


def test_what_cannot_be_done_is_said_in_a_line(
    index: sk.Index, published: sk.PublishedIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the library and on the command line, which finds the same."""
    for query, options, said in (
        ("nothing.png", {}, "neither an image file nor an id"),
        (index.ids[0], {"where": "labl = 1"}, "cannot filter by"),
        (index.ids[0], {"where": "id = 'a'; DROP TABLE images"}, "more than one statement"),
        (index.ids[0], {"k": 0}, "k must be"),
        ("x" * 300, {}, "neither an image file nor an id"),
        (np.ones(3, np.float32), {}, "built with dim 16"),
    ):
        with pytest.raises(sk.InputError, match=said):
            published.search(query, **options)
    with pytest.raises(sk.ArtefactError, match="holds no published index"):
        sk.PublishedIndex.open(tmp_path)
    for within in (index.path, index.path / "db", index.path / ".." / index.path.name):
        with pytest.raises(sk.InputError, match="within an artefact"):
            sk.publish(index, str(within))
    open_published(str(tmp_path / "theirs"), {}).create_table("images", [{"path": "a", "v": 1}])
    with pytest.raises(sk.InputError, match="has not published"):
        sk.publish(index, str(tmp_path / "theirs"))
    assert len(open_published(str(tmp_path / "theirs"), {}).open_table("images")) == 1
    with pytest.raises(sk.InputError, match="a part of an image"):
        published.search(sk.Crop(index.ids[0], (0, 0, 2, 2)))
    answered = call("search", published.place, "--like", index.ids[2], "--where", "labl = 1")
    assert (answered.code, answered.err.count("cannot filter")) == (2, 1)
    answer = call("search", published.place, "--like", index.ids[2], "--k", 3, "--json").answer
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in index.search_id(index.ids[2], k=3).hits]
    assert "--k all is not for this" in refused(
        "search", published.place, index.ids[2], "--engine", "lancedb", "--k", "all", "--min-similarity", "0.1"
    )
    assert "by lancedb only" in refused("search", "s3://bucket/x", index.ids[2], "--engine", "faiss")
    written = call("export", index.path, "--lance", tmp_path / "new", "--json").answer
    assert written == {"written": {"lance": str(tmp_path / "new")}}
    addresses = ("s3://a-b/c", "s3://a/b-c", "gs://a/b-c", "s3://a/b+c", "s3://a/b/c", "s3://a/b%2Fc")
    assert len(set(map(copy_here, addresses))) == len(addresses)
    assert copy_here("s3://bucket/photos/") == Path("artifacts/s3+bucket+photos")
    assert (
        "leave --engine out"
        in call("search", index.path, index.ids[2], "--engine", "lancedb", "--k", "all", "--min-similarity", "0").err
    )
    stored = open_published(str(tmp_path / "new"), {}).open_table(FILES).to_arrow()["name"].to_pylist()
    assert {"manifest.json", "search.json", WEIGHTS} <= set(stored)
    assert json.loads(
        publishing.stored_files(open_published(str(tmp_path / "new"), {}).open_table(FILES), ["search.json"])[
            "search.json"
        ]
    ) == {"nprobes": 0, "adapted": False}
