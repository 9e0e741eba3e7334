"""`samekind search` with a cut-off and with a part of a picture, and what these refuse."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import samekind
from tests.end_to_end.helpers import call, refused


def test_a_search_with_a_least_similarity(artefact: Path, query: Path) -> None:
    """The first hits of the whole search, and a note; what is no cosine is refused with the flag's name."""
    whole = call("search", artefact, query, "--k", 8, "--json").answer["hits"]
    least = round((whole[2]["similarity"] + whole[3]["similarity"]) / 2, 6)
    cut = call("search", artefact, query, "--k", 8, "--min-similarity", least, "--json").answer
    assert cut["hits"] == whole[:3]
    assert "only 3 of 8" in cut["note"]
    assert "--min-similarity" in refused("search", artefact, query, "--min-similarity", "1.5")
    every = call("search", artefact, query, "--k", "all", "--min-similarity", least, "--json").answer
    assert (every["hits"], every["k"]) == (whole[:3], 3)
    assert "--k all needs --min-similarity" in refused("search", artefact, query, "--k", "all")


def test_what_was_found_is_taken_along(artefact: Path, query: Path, tmp_path: Path) -> None:
    """The files of the hits in one archive, each once although two queries found it; other endings and searches are refused beforehand."""
    hits = call("search", artefact, query, query, "--k", 3, "--export", tmp_path / "found.zip", "--json")
    ids = [hit["id"] for hit in hits.answer["queries"][0]["hits"]]
    with zipfile.ZipFile(tmp_path / "found.zip") as archive:
        listed = list(csv.DictReader(archive.read("list.csv").decode().splitlines()))
        assert len(archive.namelist()) == 1 + len(ids)
    assert [line["id"] for line in listed] == ids
    assert f"wrote 3 images to {tmp_path / 'found.zip'}" in hits.err
    for file, complaint in (
        ("found.txt", "--export writes .zip, .csv, .parquet"),
        ("no/found.zip", "there is no folder"),
    ):
        assert complaint in refused("search", artefact, query, "--export", tmp_path / file)
    assert "--export takes the hits" in refused("search", artefact, "--queries", query.parent, "--export", "found.csv")


def test_a_diverse_search(artefact: Path, query: Path) -> None:
    """The hits of `diversity=`; what is no share is refused with the flag's name."""
    answer = call("search", artefact, query, "--diversity", "0.9", "--k", 5, "--json").answer
    wanted = samekind.Index.open(artefact).search(query, k=5, diversity=0.9)
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in wanted]
    assert "--diversity must lie between 0 and 1" in refused("search", artefact, query, "--diversity", "1.1")


def test_an_image_of_the_index_is_asked_for_by_its_id(artefact: Path) -> None:
    """In the place of a file, alone and beside others; what is neither is refused before anything is embedded."""
    index = samekind.Index.open(artefact)
    first, second = index.ids[3:5]
    both = call("search", artefact, first, second, "--k", 4, "--json").answer["queries"]
    wanted = [index.search_id(id_, k=4) for id_ in (first, second)]
    assert [[hit["id"] for hit in each["hits"]] for each in both] == [[hit.id for hit in each] for each in wanted]
    assert [each["query"] for each in both] == [first, second]
    said = refused("search", artefact, first, "nothing.png")
    assert "there is no file nothing.png, and the index has no image of that id" in said
    assert "is a folder" in refused("search", artefact, artefact)
    assert "single quotes" in call("search", artefact, first, "--where", 'label = "Bag"').err


def test_a_search_with_a_part_of_an_image(artefact: Path, query: Path) -> None:
    """The hits of `sk.Crop`; a rectangle that is none, lies beyond the picture, or is of no image is refused in a line."""
    answer = call("search", artefact, query, "--crop", "2,3,12,10", "--k", 5, "--json").answer
    wanted = samekind.Index.open(artefact).search(samekind.Crop(query, (2, 3, 12, 10)), k=5)
    assert [hit["id"] for hit in answer["hits"]] == [hit.id for hit in wanted]
    assert answer["crop"] == [2, 3, 12, 10]
    for box in ("2,3,12", "a,b,c,d", "0,0,0,4"):
        assert "--crop must be X,Y,W,H" in refused("search", artefact, query, "--crop", box)
    assert "24 × 24" in refused("search", artefact, query, "--crop", "20,0,5,5")
    assert "--crop needs an IMAGE" in refused("search", artefact, "--like", "x", "--crop", "0,0,5,5")
