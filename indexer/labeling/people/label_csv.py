"""Given labels as a CSV file, and must-link groups as one that people can put names into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samekind.indexer.labeling.csv_files import TIMELESS, not_in_the_future, read_lines, write_lines
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.people.current_answers import read_naming
from samekind.indexer.labeling.people.given_labels import GivenLabel, LabelTable
from samekind.indexer.labeling.people.held_rows import content_of, first_ids, held_rows
from samekind.indexer.labeling.people.naming import NamingConflict
from samekind.indexer.labeling.people.new_lines import known_images, new_lines
from samekind.indexer.storage.rows import Rows
from samekind.training.answers.answered import adjacency

HEADER = ("id", "sha256", "label", "who", "when")


@dataclass(frozen=True)
class ImportedLabels:
    """Outcome of an import.

    Attributes:
        added: labels that were new.
        kept: lines that were there already.
        blank: lines without a label and without a time: nobody has filled them in.
        gone: labels of images that the index does not hold; they are added all the same, and count again if the images come back. `None`
            where there is no index to ask.
        unknown: ids in the file, without a hash beside them, that the index does not hold; their lines are left out.
        conflicts: all that the artefact has now.
    """

    added: int
    kept: int
    blank: int
    gone: int | None
    conflicts: tuple[NamingConflict, ...]
    unknown: tuple[str, ...] = ()


def export_labels(path: str | Path, file: str | Path, *, groups: bool = False) -> int:
    """Writes the labels that people gave as CSV; returns how many lines.

    Args:
        path: the artefact.
        file: gets the columns `id, sha256, label, who, when` with a header, UTF-8; `id` is that of the index, empty for an image that it
            does not hold. A label that was taken back is an empty one with its time.
        groups: the images of must-link groups instead, each with a name for its group as its label: the one that people gave, else the most
            frequent label of its images in the corpus, else `group-1` and so on. Who corrects the names and imports the file, gives them.

    Raises:
        ArtefactError: the artefact is not there, or the file cannot be written.
    """
    rows = held_rows(path)
    id_of = first_ids(rows)
    given = _proposed(path, rows) if groups else LabelTable.of(path).all()
    lines = [(id_of.get(each.sha256, ""), each.sha256, each.label, each.who, each.when) for each in given]
    write_lines(file, HEADER, [(*line[:-1], "") for line in lines] if groups else lines)
    return len(lines)


def import_labels(path: str | Path, file: str | Path) -> ImportedLabels:
    """Adds the labels of a CSV file to an artefact; lines that are there already are left alone.

    A line without a time is there if any time has it, so that the same file twice changes nothing. A line with neither label nor time is
    skipped; one with a time, but no label, takes the person's label back. One that names its image by an id that the index does not hold is
    left out and counted.

    Args:
        path: the artefact.
        file: as `export_labels` writes it. One of `id` and `sha256` is enough, and the latter counts; `who` and `when` may be missing.

    Raises:
        ArtefactError: the artefact is not there or cannot be written.
        InputError: the file is no such table; the first wrong line is named, and nothing was added; or the index holds no image of it.
    """
    table, rows = LabelTable.of(path), held_rows(path)
    hashes = None if rows is None else dict(zip(rows.ids, rows.column("sha256"), strict=True))
    lines = read_lines(Path(file), HEADER, [("sha256", "id"), ("label",)], lambda row: _label_of(row, hashes))
    wanted, unknown = known_images(lines, file, hashes)
    new = new_lines(wanted, table.all())
    table.add(new)
    return ImportedLabels(
        added=len(new),
        kept=len(wanted) - len(new),
        blank=lines.count(None),
        gone=None if hashes is None else len({each.sha256 for each in wanted} - set(hashes.values())),
        conflicts=read_naming(path).conflicts,
        unknown=unknown,
    )


def _label_of(row: Mapping[str, str | None], hashes: Mapping[str, str] | None) -> GivenLabel | str | None:
    """The label of a line, with `TIMELESS` where it has no time; `None` for one that nobody has filled in, and an id that is unknown."""
    values = {name: (row.get(name) or "").strip() for name in HEADER}
    if not values["label"] and not values["when"]:
        return None
    sha256, id_ = values["sha256"], row.get("id") or ""
    if not sha256 and hashes is not None and id_ and id_ not in hashes:
        return id_
    sha256 = sha256 or content_of(id_, hashes)
    who, when = row.get("who") or "", values["when"] or TIMELESS
    return not_in_the_future(GivenLabel(sha256, values["label"], who, when))


def _proposed(path: str | Path, rows: Rows | None) -> list[GivenLabel]:
    """A name for each image of a must-link group; groups that were called different get different ones."""
    naming = read_naming(path)
    constraints = link_constraints(naming.answers.values())
    own: dict[str, list[str]] = {}
    for sha256, label in [] if rows is None else zip(rows.column("sha256"), rows.column("label"), strict=True):
        if label is not None:
            own.setdefault(sha256, []).append(label)
    names: dict[str, str] = {}
    told_apart = adjacency(constraints.cannot_link - constraints.contradictions)
    for number, group in enumerate(constraints.must_link_groups, start=1):
        given = {naming.name[image] for image in group if image in naming.name}
        found = Counter(sorted(label for image in group for label in own.get(image, ())))
        name = given.pop() if given else found.most_common(1)[0][0] if found else f"group-{number}"
        others = set[str]().union(*(told_apart.get(image, ()) for image in group))
        names.update(dict.fromkeys(group, _unlike(name, {names[image] for image in others if image in names})))
    return sorted(
        (GivenLabel(image, name) for image, name in names.items()), key=lambda each: (each.label, each.sha256)
    )


def _unlike(name: str, taken: set[str]) -> str:
    """The name, or with the first number behind it that makes it differ from others."""
    number, different = 1, name
    while different in taken:
        number += 1
        different = f"{name}-{number}"
    return different
