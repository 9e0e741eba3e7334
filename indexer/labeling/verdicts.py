"""Pairwise annotations of images: the LanceDB table `verdicts`.

Append-only: an answer is never changed, a later one about the same pair (in either order) takes its place, and taking one back is an answer
too. Images are named by the hash of their content, so verdicts outlive a new index, another split and renamed files. Tables of release 0.1
lack the column `screen`: they are read as they are, and the first verdict that is added brings it.

`right_label` is no answer about a pair: it says that an image's own label is right, names that image twice, and is read by `right_labels`
alone. So it can neither take a pair's answer's place nor count as one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from samekind.core.errors import InputError
from samekind.indexer.labeling.append_only import AppendOnlyTable, check_hash, check_time
from samekind.indexer.storage.layout import MANIFEST, ROWS_FILE
from samekind.indexer.storage.rows import Rows
from samekind.training.false_negatives.links import Pair

SAME, DIFFERENT, UNSURE, WRONG_LABEL, DUPLICATE = ANSWERS = ("same", "different", "unsure", "wrong_label", "duplicate")
RIGHT_LABEL, WITHDRAWN = "right_label", "withdrawn"
VERDICTS = (*ANSWERS, RIGHT_LABEL, WITHDRAWN)


@dataclass(frozen=True)
class Verdict:
    """One answer about one pair.

    Attributes:
        anchor_sha256: content hash of the anchor, 64 hex digits.
        negative_sha256: that of the negative; another image's, but for `right_label` and its withdrawal, which are about the anchor alone.
        verdict: one of `VERDICTS`. `wrong_label` says that the anchor's label is not its own (of the negative's it says nothing: who means
            that one swaps the two), `right_label` that it is, `duplicate` that both show the very same thing, `withdrawn` that an earlier
            answer no longer holds.
        who: answered; may be empty.
        when: ISO 8601 time with its offset; now, if left out.
        note: free text.
        screen: id of the screen that the pair was answered on (`Screen.id`); empty if it was asked about by itself.

    Raises:
        InputError: a hash, the verdict or the time is none.
    """

    anchor_sha256: str
    negative_sha256: str
    verdict: str
    who: str = ""
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    note: str = ""
    screen: str = ""

    def __post_init__(self) -> None:
        for name in ("anchor_sha256", "negative_sha256"):
            check_hash(name, getattr(self, name))
        if self.verdict not in VERDICTS:
            raise InputError(f"unknown verdict {self.verdict!r}", hint=f"choose one of {', '.join(VERDICTS)}")
        if self.is_about_one_image and self.verdict not in (RIGHT_LABEL, WITHDRAWN):
            raise InputError("anchor and negative have the same content: such a pair needs no verdict")
        if self.verdict == RIGHT_LABEL and not self.is_about_one_image:
            raise InputError("right_label is about one image", hint="give its hash as anchor and as negative")
        check_time(self.when)

    @property
    def pair(self) -> Pair:
        """Both hashes in alphabetical order: who was the anchor matters for `wrong_label` only."""
        first, second = sorted((self.anchor_sha256, self.negative_sha256))
        return first, second

    @property
    def is_about_one_image(self) -> bool:
        """True if it is about one image's label, and not about a pair."""
        return self.anchor_sha256 == self.negative_sha256

    @property
    def moment(self) -> datetime:
        """`when` as a point in time."""
        return datetime.fromisoformat(self.when)


COLUMNS = tuple(f.name for f in fields(Verdict))


class VerdictTable(AppendOnlyTable[Verdict]):
    """The verdicts of one artefact.

    Args:
        folder: the artefact; the table is made by the first verdict.
    """

    name = "verdicts"
    optional = ("screen",)
    answer = Verdict

    def current(self) -> dict[Pair, Verdict]:
        """The latest verdict on each pair, without those that were withdrawn. Verdicts about one image are not among them."""
        latest = {verdict.pair: verdict for verdict in self.all() if not verdict.is_about_one_image}
        return {pair: verdict for pair, verdict in latest.items() if verdict.verdict != WITHDRAWN}

    def right_labels(self) -> dict[str, Verdict]:
        """The latest `right_label` of each image that was not withdrawn, by content hash."""
        latest = {verdict.anchor_sha256: verdict for verdict in self.all() if verdict.is_about_one_image}
        return {image: verdict for image, verdict in latest.items() if verdict.verdict == RIGHT_LABEL}

    def withdraw(self, screen: str, who: str = "") -> int:
        """Takes all answers of a screen back that still hold; returns how many. A later answer about one of its pairs stays.

        Args:
            screen: its id; answers to single pairs have none, so that an empty one takes nothing back.
            who: takes them back.

        Raises:
            ArtefactError: the table is damaged or cannot be written.
        """
        present = [verdict for verdict in self.current().values() if screen and verdict.screen == screen]
        when = datetime.now(UTC).isoformat()
        self.add([replace(each, verdict=WITHDRAWN, who=who, when=when, note="") for each in present])
        return len(present)


def num_gone(path: str | Path, verdicts: Iterable[Verdict]) -> int | None:
    """Number of verdicts about an image, or two, that the index does not hold; `None` without a finished index.

    Raises:
        ArtefactError: the index's list of rows is damaged.
    """
    rows_file = Path(path) / ROWS_FILE
    if not (Path(path) / MANIFEST).is_file() or not rows_file.is_file():
        return None
    held = set(Rows.read(rows_file).column("sha256"))
    return sum(not held.issuperset(verdict.pair) for verdict in verdicts)
