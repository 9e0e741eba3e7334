"""Tags as a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samekind.indexer.labeling.csv_files import TIMELESS, not_in_the_future, read_lines, write_lines
from samekind.indexer.labeling.people.held_rows import content_of, first_ids, held_rows
from samekind.indexer.labeling.people.new_lines import known_images, new_lines
from samekind.indexer.labeling.people.tags import ADD, Tag, TagTable

HEADER = ("id", "sha256", "tag", "act", "who", "when")


@dataclass(frozen=True)
class ImportedTags:
    """Outcome of an import.

    Attributes:
        added: lines that were new.
        kept: lines that were there already.
        gone: images that the index does not hold; their tags are kept, and count again if the images come back. `None` where there is no
            index to ask.
        unknown: ids in the file, without a hash beside them, that the index does not hold; their lines are left out.
    """

    added: int
    kept: int
    gone: int | None
    unknown: tuple[str, ...] = ()


def export_tags(path: str | Path, file: str | Path) -> int:
    """Writes the tags that people put on images, and took from them, as CSV; returns how many lines.

    Args:
        path: the artefact.
        file: gets the columns `id, sha256, tag, act, who, when` with a header, UTF-8; `id` is that of the index, empty for an image that it
            does not hold, and `act` is `add` or `remove`.

    Raises:
        ArtefactError: the artefact is not there, its table is damaged, or the file cannot be written.
    """
    id_of, tags = first_ids(held_rows(path)), TagTable.of(path).all()
    write_lines(
        file,
        HEADER,
        [(id_of.get(each.sha256, ""), each.sha256, each.tag, each.act, each.who, each.when) for each in tags],
    )
    return len(tags)


def import_tags(path: str | Path, file: str | Path) -> ImportedTags:
    """Adds the tags of a CSV file to an artefact; lines that are there already are left alone.

    A line without a time is there if any time has it, so that the same file twice changes nothing.

    Args:
        path: the artefact.
        file: as `export_tags` writes it. One of `id` and `sha256` is enough, and the latter counts; `act`, `who` and `when` may be missing,
            and a line without `act` puts its tag on the image.

    Raises:
        ArtefactError: the artefact is not there or cannot be written.
        InputError: the file is no such table; the first wrong line is named, and nothing was added; or the index holds no image of it.
    """
    table, rows = TagTable.of(path), held_rows(path)
    hashes = None if rows is None else dict(zip(rows.ids, rows.column("sha256"), strict=True))
    lines = read_lines(Path(file), HEADER, [("sha256", "id"), ("tag",)], lambda row: _tag_of(row, hashes))
    wanted, unknown = known_images(lines, file, hashes)
    new = new_lines(wanted, table.all())
    table.add(new)
    gone = None if hashes is None else len({each.sha256 for each in wanted} - set(hashes.values()))
    return ImportedTags(len(new), len(wanted) - len(new), gone, unknown)


def _tag_of(row: Mapping[str, str | None], hashes: Mapping[str, str] | None) -> Tag | str:
    """The tag of a line, with `TIMELESS` where it has no time, or an id that is unknown."""
    values = {name: (row.get(name) or "").strip() for name in HEADER}
    sha256, id_ = values["sha256"], row.get("id") or ""
    if not sha256 and hashes is not None and id_ and id_ not in hashes:
        return id_
    sha256 = sha256 or content_of(id_, hashes)
    who, when = row.get("who") or "", values["when"] or TIMELESS
    return not_in_the_future(Tag(sha256, values["tag"], values["act"] or ADD, who, when))
