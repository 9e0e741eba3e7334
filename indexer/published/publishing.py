"""Publishes an index: its rows become a LanceDB table with an index of LanceDB's own, beside the files that queries need.

What is there already stays: rows that are gone or have changed are taken out, new ones are added, in blocks. A call that was interrupted is
finished by the next one. The files come last, so that an encoder is never read beside vectors of another one.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.data.decoding.object_store import is_address
from samekind.indexer.published.place import FILES, IMAGES, Place, table_names
from samekind.indexer.search.ann.rescoring import exact_rows
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.storage.layout import MANIFEST, ROW_COLUMNS
from samekind.indexer.storage.recorded_reading import recorded_reading
from samekind.indexer.storage.table import id_chunks, quoted, table_schema
from samekind.training.runtime.artefact import META, TEXT, WEIGHTS

Codes = Literal["pq", "rq"]
FEWEST_INDEXED = 20_000
"""Rows up to which LanceDB compares every one."""
REFINE = 10
"""Candidates a hit whose exact similarity is looked up in the vectors."""
RECALL, _ASKED = 0.99, 200
_RQ_BITS = (
    2  # one found 0.982 of the ten nearest of 100,000 rows however many lists it looked into (docs/decisions/0052)
)
_TOLD_AT_ONCE = 1 << 14
_BLOCK_BYTES, _ROW_BYTES = 1 << 25, 4096
"""Bytes of a block of rows that is written at once, and what a row has beside its vector: a thumbnail, mostly."""
_DIGEST = pa.binary(16)
_SEARCH, _MADE_BY = "search.json", "made-by.json"
_FILES_SCHEMA = pa.schema([("name", pa.string()), ("sha256", pa.string()), ("content", pa.large_binary())])


@dataclass(frozen=True)
class Published:
    """What was published.

    Attributes:
        place: where.
        rows: of the table.
        added, removed: rows that this call has written and taken out; a changed one counts as both.
        nprobes: lists that a search looks into; 0 where it compares every row.
        recall: of the ten nearest, measured on images of the index; 1 where it compares every row.
    """

    place: str
    rows: int
    added: int
    removed: int
    nprobes: int
    recall: float

    def to_dict(self) -> dict[str, Any]:
        """The report as `--json` prints it."""
        return asdict(self)


def publish(
    index: OpenedIndex, place: str, progress: Progress | None = None, *, codes: Codes | None = None
) -> Published:
    """Makes a place hold an index, for `PublishedIndex` and for whatever else reads LanceDB.

    Args:
        index: opened. People's answers that have adapted it are not published: the table has the encoder's own vectors.
        place: a folder, or an address such as `s3://bucket/photos`.
        progress: shows bars.
        codes: of LanceDB's index: `pq` (product quantisation) or `rq` (RaBitQ). What is there if left out, `pq` where nothing is.

    Raises:
        ArtefactError: the place cannot be reached or written, or the index is damaged.
        InputError: there are no such codes, the place lies within an artefact, or holds tables that are no published index.
    """
    if codes not in (None, *get_args(Codes)):
        raise InputError(f"there are no codes {codes!r}", hint="choose pq or rq")
    progress = progress or NoProgress()
    target = Place(place)
    if not is_address(place):
        folder = Path(place).resolve()
        if any((each / MANIFEST).exists() for each in (folder, *folder.parents)):
            raise InputError(f"{place} lies within an artefact", hint="publish to another folder, or to an address")
    with target.reached() as database:
        table = _table(database, index, progress)
        removed, added = _rows(table, index, progress)
        nprobes, recall = _searched(table, index, codes, progress)
        _files(database, index, nprobes)
    return Published(target.place, len(index), added, removed, nprobes, recall)


def _table(database: Any, index: OpenedIndex, progress: Progress) -> Any:
    """The table of rows, empty where it is new or holds the vectors of another encoder.

    Raises:
        InputError: there are tables that samekind has not published; they are left as they are.
    """
    names = table_names(database)
    foreign = IMAGES in names and FILES not in names
    if foreign or (FILES in names and database.open_table(FILES).schema != _FILES_SCHEMA):
        raise InputError("there are tables that samekind has not published", hint="name a place of its own")
    made_by = _made_by(index)
    if IMAGES in names:
        if stored_files(database.open_table(FILES), [_MADE_BY]).get(_MADE_BY) == made_by:
            return database.open_table(IMAGES)
        progress.print(
            "the vectors there are another encoder's, or of images that were read otherwise: all of it is published anew"
        )
    # Before the rows, and without the artefact's files: it says whose vectors they are, and that they are not whole.
    _store(database, {_MADE_BY: made_by})
    if IMAGES in names:
        database.drop_table(IMAGES)
    return database.create_table(IMAGES, schema=table_schema(index.dim))


def _made_by(index: OpenedIndex) -> bytes:
    """What vectors depend on beside the images' content: the encoder, and how deep pictures are read."""
    told = {"encoder": index.manifest["encoder"], "depth": str(recorded_reading(index.path).depth)}
    return json.dumps(told, sort_keys=True).encode()


def _rows(table: Any, index: OpenedIndex, progress: Progress) -> tuple[int, int]:
    """Brings the rows up to date; how many were taken out, and how many added.

    In blocks, and told apart by a digest of 16 bytes a row, so that memory hardly grows with the rows.
    """
    there, wanted = _digests(_light(table)), _digests(index.rows.table.select(ROW_COLUMNS).to_batches(_TOLD_AT_ONCE))
    gone, new = (np.flatnonzero(_is_not_in(*both)) for both in ((there, wanted), (wanted, there)))
    if len(gone) and len(gone) == len(there):
        table.delete("true")
    else:
        ids = [
            id_ for part in _parts(gone) for id_ in table.take_offsets(part).select(["id"]).to_arrow()["id"].to_pylist()
        ]
        for names in id_chunks(ids):
            table.delete(f"id in ({quoted(names)})")
    names, at_once = table_schema(index.dim).names, max(1, _BLOCK_BYTES // (_ROW_BYTES + 4 * index.dim))
    with progress.task("Publishing", len(new)) as task:
        for part in _parts(new, at_once):
            table.add(index.table.rows_at(part).select(names))
            task.advance(len(part))
    if len(gone) or len(new):
        table.optimize(cleanup_older_than=timedelta(days=1))
    return len(gone), len(new)


def _light(table: Any) -> Iterator[Any]:
    """The light columns of a published table, block by block in its order."""
    return iter(table.search().select(list(ROW_COLUMNS)).to_batches(batch_size=_TOLD_AT_ONCE))


def _digests(batches: Iterable[Any]) -> Any:
    """One of each row's light columns, as an Arrow array."""
    found = []
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in ROW_COLUMNS]
        rows = zip(*columns, strict=True)
        found.append(pa.array([hashlib.blake2b(repr(row).encode(), digest_size=16).digest() for row in rows], _DIGEST))
    return pa.chunked_array(found, _DIGEST).combine_chunks()


def _is_not_in(these: Any, those: Any) -> NDArray[np.bool_]:
    from pyarrow import compute

    found: NDArray[np.bool_] = compute.invert(compute.is_in(these, value_set=those)).to_numpy(zero_copy_only=False)
    return found


def _parts(rows: NDArray[np.int64], at_once: int = 1 << 14) -> Iterator[list[int]]:
    return (rows[start : start + at_once].tolist() for start in range(0, len(rows), at_once))


def _searched(table: Any, index: OpenedIndex, codes: Codes | None, progress: Progress) -> tuple[int, float]:
    """Makes LanceDB's index where there are many rows, and how many lists it has to look into for its recall."""
    rows = len(index)
    if rows < FEWEST_INDEXED:
        return 0, 1.0
    lists = max(1, round(math.sqrt(rows)))
    there = {each.index_type.lower()[-2:] for each in table.list_indices()}
    if not there or codes not in (None, *there):
        progress.print(f"LanceDB makes its index of {counted(rows, 'row')}: {lists:,} lists")
        table.create_index("vector", config=_kind(codes or "pq", lists, index.dim))
    own = np.unique(np.linspace(0, rows - 1, _ASKED).astype(np.int64))
    vectors = index.vectors(own)
    nearest_QK = exact_rows(vectors, index.vector_index.in_order(), 10)
    truth = [set(index.rows.values("id", row_K)) for row_K in nearest_QK]
    nprobes, recall = 4, -1.0
    while recall < RECALL and nprobes < lists:
        wider = min(lists, 2 * nprobes)
        found = [set(_nearest(table, vector_D, wider)) for vector_D in vectors]
        reached = float(np.mean([len(a & b) / len(a) for a, b in zip(truth, found, strict=True)]))
        if reached <= recall:  # what the codes miss no list brings
            break
        nprobes, recall = wider, reached
    progress.print(f"searches look into {nprobes:,} of {lists:,} lists: recall {recall:.3f}")
    return nprobes, recall


def _kind(codes: Codes, lists: int, dim: int) -> Any:
    from lancedb.index import IvfPq, IvfRq

    if codes == "rq":
        return IvfRq(distance_type="cosine", num_partitions=lists, num_bits=_RQ_BITS)
    parts = next(parts for parts in (dim // 4, dim // 2, dim) if parts and dim % parts == 0)
    return IvfPq(distance_type="cosine", num_partitions=lists, num_sub_vectors=parts)


def _nearest(table: Any, vector_D: Any, nprobes: int) -> list[str]:
    search = table.search(vector_D).distance_type("cosine").nprobes(nprobes).refine_factor(REFINE).limit(10)
    ids: list[str] = search.select(["id"]).to_arrow()["id"].to_pylist()
    return ids


def _files(database: Any, index: OpenedIndex, nprobes: int) -> None:
    """Encoder, text tower and what says how to use them, in one version of one table."""
    content = {
        name: (index.path / name).read_bytes()
        for name in (WEIGHTS, TEXT, META, MANIFEST)
        if (index.path / name).is_file()
    }
    content[_MADE_BY] = _made_by(index)
    content[_SEARCH] = json.dumps({"nprobes": nprobes, "adapted": index.adaptation is not None}).encode()
    _store(database, content)


def _store(database: Any, content: dict[str, bytes]) -> None:
    rows = [
        {"name": name, "sha256": hashlib.sha256(each).hexdigest(), "content": each} for name, each in content.items()
    ]
    mode = "overwrite" if FILES in table_names(database) else "create"  # a reader sees the old files or the new
    database.create_table(FILES, pa.Table.from_pylist(rows, schema=_FILES_SCHEMA), mode=mode)


def stored_files(table: Any, names: list[str]) -> dict[str, bytes]:
    """Some files of a published index, as far as they are there."""
    found = table.search().where(f"name in ({quoted(names)})").select(["name", "content"]).to_arrow()
    return dict(zip(found["name"].to_pylist(), found["content"].to_pylist(), strict=True))


@dataclass(frozen=True)
class HowSearched:
    """What a published index says of searches in it.

    Attributes:
        nprobes: lists that a search looks into; 0 for every row.
        adapted: people's answers had adapted the artefact when it was published. Indexes of earlier releases do not tell.
    """

    nprobes: int = 0
    adapted: bool = False


def how_searched(table: Any) -> HowSearched:
    """What the files of a published index say."""
    told = json.loads(stored_files(table, [_SEARCH]).get(_SEARCH) or b"{}")
    return HowSearched(int(told.get("nprobes", 0)), bool(told.get("adapted")))
