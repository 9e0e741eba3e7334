"""`samekind search` with words, likes and unlikes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

import samekind as sk
from tests import tiny_clip
from tests.end_to_end.helpers import call, refused


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index on a small CLIP."""
    return tiny_clip.registered_index(tmp_path_factory.mktemp("worded"))


def _hits(result: sk.SearchResult | list[sk.SearchResult]) -> list[str]:
    assert isinstance(result, sk.SearchResult)
    return [hit.id for hit in result]


def test_words_alone(worded: Path) -> None:
    """The text is the query, by name and by its hits; people get a table."""
    called = call("search", worded, "--text", "red shoe", "--k", 4, "--json")
    assert called.code == 0, called.err
    assert [hit["id"] for hit in called.answer["hits"]] == _hits(sk.Index.open(worded).search(sk.Text("red shoe"), k=4))
    assert (called.answer["query"], called.answer["text"]) == ("red shoe", "red shoe")
    assert set(called.answer) == {"query", "text", "k", "hits", "note", "elapsed_ms", "adaptation"}
    assert call("search", worded, "--text", "red shoe", "--k", 4).out.startswith("rank")


def test_each_image_is_mixed_with_what_the_flags_say(artefact: Path, query: Path, photos: Path) -> None:
    """Two images are two queries, each like and unlike the same; ids and files are one as good as the other; on any encoder."""
    index = sk.Index.open(artefact)
    other, id_ = photos / "dots" / "03.png", index.ids[0]
    flags = ("--like", id_, "--unlike", photos / "checks" / "01.png", index.ids[5], "--unlike-weight", 0.3)
    answers = call("search", artefact, query, other, *flags, "--k", 6, "--json").answer["queries"]
    assert [answer["query"] for answer in answers] == [str(query), str(other)]
    unlike = [str(photos / "checks" / "01.png"), index.ids[5]]
    assert all((answer["like"], answer["unlike"]) == ([id_], unlike) for answer in answers)
    for answer, image in zip(answers, (query, other), strict=True):
        mix = sk.Mix(image, id_, unlike=unlike, unlike_weight=0.3)
        assert [hit["id"] for hit in answer["hits"]] == _hits(index.search(mix, k=6))


def test_likes_alone_are_the_query(artefact: Path) -> None:
    """`--like` needs no IMAGE."""
    index = sk.Index.open(artefact)
    answer = call("search", artefact, "--like", index.ids[0], index.ids[1], "--k", 3, "--json").answer
    assert answer["query"] == f"{index.ids[0]}, {index.ids[1]}"
    assert [hit["id"] for hit in answer["hits"]] == _hits(index.search(sk.Mix(index.ids[0], index.ids[1]), k=3))
    unlike = call("search", artefact, "--like", index.ids[0], "--unlike", index.ids[5], "--k", 3, "--json").answer
    mix = sk.Mix(index.ids[0], unlike=[index.ids[5]])
    wanted = [hit.similarity for hit in index.search(mix, k=3)]
    assert [hit["similarity"] for hit in unlike["hits"]] == pytest.approx(wanted, abs=1e-6), (
        "flag and facade have one default"
    )


def test_the_weight_of_the_text(worded: Path) -> None:
    """`--text-weight` is the weight of the text beside the images."""
    index = sk.Index.open(worded)
    flags = ("--text", "red shoe", "--text-weight", 0.25, "--like", index.ids[7], "--json")
    answer = call("search", worded, *flags).answer
    mix = sk.Mix(sk.Text("red shoe"), index.ids[7], weights=[0.25, 1])
    assert [hit["id"] for hit in answer["hits"]] == _hits(index.search(mix))


def test_refusals(artefact: Path, query: Path, worded: Path) -> None:
    """One line each: no text tower, nothing to be like, unknown names, weights that are none, words that are none."""
    assert "no text tower" in refused("search", artefact, "--text", "red shoe")
    assert "no text tower" in refused("search", artefact, query, "--text", "red shoe")
    assert "nothing but --unlike" in refused("search", artefact, "--unlike", query)
    assert "there is no file nobody.png" in refused("search", artefact, query, "--unlike", "nobody.png")
    assert "--text-weight needs --text" in refused("search", artefact, query, "--text-weight", 2)
    for weight in (0, -1, "nan", "inf"):
        assert "--text-weight" in refused("search", worded, "--text", "a", "--text-weight", weight)
    for weight in (-1, "nan", "inf"):
        assert "--unlike-weight" in refused("search", artefact, query, "--unlike", query, "--unlike-weight", weight)
    assert "empty" in refused("search", worded, "--text", "")
    assert "cancel" in refused("search", artefact, query, "--unlike", query, "--unlike-weight", 1)


def test_verify_reads_the_text_tower(worded: Path) -> None:
    """A line of its own where there is one."""
    assert "text.safetensors" in call("verify", worded).out
