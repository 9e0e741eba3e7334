"""A published index does not hold what people's answers have made of it, and a search there says so."""

from __future__ import annotations

from pathlib import Path

import samekind as sk
from samekind.indexer.published import publishing
from samekind.indexer.published.place import FILES
from samekind.indexer.storage.database import open_published
from tests.end_to_end.helpers import call
from tests.indexer.adaptation.worlds import answered_world, world

SAID = "people's answers have no part"


def times(*arguments: object) -> int:
    """How often a search that succeeds says it."""
    called = call("search", *arguments)
    assert called.code == 0, called
    return called.err.count(SAID)


def test_a_search_says_that_answers_have_no_part_once(tmp_path: Path) -> None:
    """In a published folder as in the artefact's own table; however many queries; not where nobody has adapted it or asks for it."""
    index = answered_world(tmp_path / "w")
    place, queries = tmp_path / "place", tmp_path / "queries.txt"
    queries.write_text("\n".join(index.ids[:3]))
    sk.publish(index, str(place))
    assert times(place, index.ids[0]) == 0, "nothing was adapted yet"
    assert sk.adapt(index.path).adapted
    assert times(place, index.ids[0]) == 0, "as it was when it was published"
    sk.publish(sk.Index.open(index.path), str(place))
    assert times(place, index.ids[0]) == 1
    assert times(place, *index.ids[:3], "--json") == 1
    assert times(place, "--queries", queries) == 1
    assert times(place, index.ids[0], "--unadapted") == 0
    assert times(index.path, index.ids[0], "--engine", "lancedb") == 1
    assert times(index.path, index.ids[0]) == 0


def test_an_index_that_an_earlier_release_has_published_is_searched(tmp_path: Path) -> None:
    """Its files do not tell of answers."""
    index = world(tmp_path / "w", classes=2, images=5)
    place = tmp_path / "place"
    sk.publish(index, str(place))
    files = open_published(str(place), {}).open_table(FILES)
    assert publishing.how_searched(files) == publishing.HowSearched(0, adapted=False)
    files.update(where="name = 'search.json'", values={"content": b'{"nprobes": 4}'})
    assert publishing.how_searched(files) == publishing.HowSearched(4, adapted=False)
    assert times(place, index.ids[0]) == 0
